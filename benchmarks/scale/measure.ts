import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { createMaterializer, type Built, type Lease, type Materializer } from "@headstart/materializer";
import { execa } from "execa";
import pg from "pg";
import { startDurableServer } from "./durable-server.ts";
import { loadBranches } from "./load-branches.ts";
import { createMeter, type Cost } from "./meter.ts";
import { projectorIdentity } from "./projector-identity.ts";
import { makeUpstream, pages, type Upstream } from "./upstream.ts";

/**
 * Weighs what each step of a push costs on this machine, in a database with many branches, and writes it to
 * costs.json, which the simulation reads. Usage: measure.ts [branches] [operations] [file]
 */
const branches = Number(process.argv[2] ?? 1_000_000);
const operations = Number(process.argv[3] ?? 300);
const file = process.argv[4] ?? join(import.meta.dirname, "costs.json");

await using server = await startDurableServer();
const db = new pg.Pool({ connectionString: server.url, max: 2 });
const upstream = await makeUpstream(server.directory, { files: 1_000 });
await using materializer = createMaterializer({
  db,
  projectors: [pages],
  mirrors: { root: join(server.directory, "mirrors"), protocols: ["file"] },
  settings: { leaseMs: 3_600_000 },
});
await using meter = createMeter(server, db);
await materializer.migrate();
const repositories = Math.ceil(branches / 100);
const identity = await projectorIdentity(materializer, db, { url: upstream.url, projector: pages.name });
await loadBranches(db, { repositories, branches, projector: { name: pages.name, identity } });
await materializer.register({ name: "real", url: upstream.url, projector: "pages" });

const costs: Record<string, Cost> = {};
/** Repositories that a claim looked at while claims were weighed: never more than the materializer's bound. */
const claimed = { few: 0, many: 0 };
await ofGit(materializer, upstream);
await ofRandomBranches(materializer);
const { rows } = await db.query<{ version: string }>("select current_setting('server_version') as version");
await db.end();
await writeFile(
  file,
  `${JSON.stringify({ branches, operations, node: process.version, postgres: rows[0]?.version, processors: cpus().length, claimed, costs }, null, 2)}\n`,
);
print();

/** What needs git: listing, fetching, building. */
async function ofGit(of: Materializer, from: Upstream): Promise<void> {
  await of.observe("real");
  const [first] = await of.claim({ limit: 1 });
  costs["build a whole tree of 1,000 files"] = await meter.weigh(1, async () => {
    if (first !== undefined) await of.materialize(first);
  });
  const names = Array.from({ length: 100 }, (_, n) => `drafts/d${n}`);
  await from.draft(names);
  await of.observe("real");
  const atTip = await of.claim({ limit: names.length });
  const shared = await built(of, "build a draft at a known tree", atTip);
  for (const [lease, result] of shared) await of.publish(lease, result);
  costs["observe, nothing moved"] = await meter.weigh(50, async () => await of.observe("real"));
  costs["observe, one branch moved"] = await meter.weigh(
    50,
    async () => await of.observe("real"),
    async (index) => await from.commit([names[index] ?? ""]),
  );
  const directory = new URL(from.url).pathname;
  costs["list refs, the git server's part"] = await meter.weigh(50, async () => {
    await execa("git", ["upload-pack", "--http-backend-info-refs", directory]);
  });
  const leases = await of.claim({ limit: 50 });
  const changed = await built(of, "build a commit of one file", leases);
  for (const [lease, result] of changed) await of.publish(lease, result);
}

async function built(of: Materializer, name: string, leases: readonly Lease[]): Promise<[Lease, Built][]> {
  const results: [Lease, Built][] = [];
  const { signal } = new AbortController();
  costs[name] = await meter.weigh(leases.length, async (index) => {
    const lease = leases[index];
    if (lease === undefined) return;
    const result = await of.build(lease, { signal });
    if (result.kind === "built") results.push([lease, result]);
  });
  return results;
}

/** What only the database does, on branches that lie anywhere: nothing of them is in memory by luck. */
async function ofRandomBranches(of: Materializer): Promise<void> {
  const random = (index: number): number => 1 + ((index * 7_919) % branches);
  await db.query("checkpoint");
  costs["hint"] = await meter.weigh(operations, async (index) => {
    const repository = `r${1 + (random(index) % repositories)}`;
    await of.hint({ repository, branch: "main", pushedBy: "ada" });
  });
  const few = 16;
  await makeDue(Array.from({ length: few }, (_, index) => random(index)));
  const leases: Lease[] = [];
  const claim = async (limit: number): Promise<void> => void leases.push(...(await of.claim({ limit })));
  costs["claim one of few"] = await meter.weigh(few, async () => await claim(1));
  const many = Math.min(branches / 4, 2_560);
  await makeDue(Array.from({ length: many }, (_, index) => random(few + index)));
  costs["claim one of many"] = await meter.weigh(operations / 8, async () => await claim(1));
  costs["claim sixteen of many"] = await meter.weigh(operations / 16, async () => await claim(16));
  Object.assign(claimed, { few: few / 2, many: Math.min(many, repositories, 256) });
  await db.query("checkpoint");
  costs["publish"] = await meter.weigh(leases.length, async (index) => {
    const lease = leases[index];
    if (lease !== undefined) await of.publish(lease, someContent(lease));
  });
  const handled = { events: 0 };
  const some = await meter.weigh(1, async () => {
    handled.events = await of.consume({ consumer: "reader", handler, limit: 16 });
  });
  costs["consume an event"] = scaled(some, 1 / handled.events);
  costs["consume one more event"] = await meter.weigh(3, async () => {
    await of.consume({ consumer: "reader", handler, limit: 1 });
  });
}

async function handler(): Promise<void> {
  // Reading is what is weighed.
}

async function makeDue(ids: readonly number[]): Promise<void> {
  await db.query(
    `update headstart_materializer.branches set dirty = true, desired_seq = desired_seq + 1, due_at = now()
     where id = any($1)`,
    [ids],
  );
  await db.query("vacuum (analyze) headstart_materializer.branches");
}

/** A version that shares the rows of its repository's base, as a draft at main's tip does. */
function someContent(lease: Lease): Built {
  return {
    kind: "built",
    tree: lease.oid,
    base: lease.repository.slice(1),
    delta: null,
    treeFiles: 20,
    blobsParsed: 0,
    blobsReused: 0,
    unitsAssembled: 0,
    committedAt: new Date(),
    author: "Ada <ada@example.org>",
    buildMs: 1,
  };
}

function scaled(cost: Cost, by: number): Cost {
  return Object.fromEntries(Object.entries(cost).map(([key, value]) => [key, value * by])) as unknown as Cost;
}

function print(): void {
  console.log("| one | ms | Node ms | git ms | Postgres ms | WAL bytes | commits | rows | round trips |");
  console.log("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
  for (const [name, cost] of Object.entries(costs)) {
    const cells = [
      cost.ms.toFixed(1),
      cost.nodeMs.toFixed(1),
      cost.gitMs.toFixed(1),
      cost.postgresMs.toFixed(2),
      cost.walBytes.toFixed(0),
      cost.commits.toFixed(1),
      cost.rowsWritten.toFixed(1),
      cost.roundTrips.toFixed(1),
    ];
    console.log(`| ${name} | ${cells.join(" | ")} |`);
  }
}
