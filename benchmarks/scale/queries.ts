import { join } from "node:path";
import { createMaterializer, type Materializer } from "@headstart/materializer";
import type pg from "pg";
import { startDurableServer } from "./durable-server.ts";
import { loadBranches } from "./load-branches.ts";
import { openStatementLog, type Statement } from "./statement-log.ts";
import { projectorIdentity } from "./projector-identity.ts";
import { makeUpstream, pages, type Upstream } from "./upstream.ts";

/**
 * Runs the materializer's own steps on a database with many branches and prints, for each, what its statements
 * cost there: time, pages, and the widest scan. Usage: queries.ts [branches] [repositories]
 */
const branches = Number(process.argv[2] ?? 1_000_000);
const repositories = Number(process.argv[3] ?? Math.max(1, branches / 100));

await using server = await startDurableServer();
const log = openStatementLog(server.url);
const { db } = log;
const upstream = await makeUpstream(server.directory, { files: 100 });
const drafts = Array.from({ length: 99 }, (_, n) => `drafts/d${n}`);
await upstream.draft(drafts);
await using materializer = createMaterializer({
  db,
  projectors: [pages],
  mirrors: { root: join(server.directory, "mirrors"), protocols: ["file"] },
});
await materializer.migrate();
const startedAt = performance.now();
const identity = await projectorIdentity(materializer, db, { url: upstream.url, projector: pages.name });
await loadBranches(db, { repositories, branches, projector: { name: pages.name, identity } });
console.log(
  `${branches.toLocaleString("en")} branches of ${repositories.toLocaleString("en")} repositories, loaded in ${((performance.now() - startedAt) / 1000).toFixed(0)} s; database of ${await size()}\n`,
);
await materializer.register({ name: "real", url: upstream.url, projector: "pages" });
await materializer.inProcessRunner().settle("real");
while ((await materializer.consume({ consumer: "reader", handler, limit: 1_000 })) > 0) log.take();

await onePush(materializer, upstream);
await claiming(materializer, db);
await rest(materializer);
await db.end();

async function onePush(of: Materializer, from: Upstream): Promise<void> {
  await from.commit(["drafts/d1"]);
  await step("hint", async () => await of.hint({ repository: "real", branch: "drafts/d1", pushedBy: "ada" }));
  await step("observe, one branch moved", async () => await of.observe("real"));
  await step("observe, nothing moved", async () => await of.observe("real"));
  const [lease] = await step("claim, one branch due", async () => await of.claim({ limit: 4 }));
  if (lease === undefined) throw new Error("The pushed branch was not due.");
  const built = await step("build, one file", async () => {
    const result = await of.build(lease, { signal: new AbortController().signal });
    if (result.kind !== "built") throw new Error("The pushed branch could not be built.");
    return result;
  });
  await step("publish", async () => await of.publish(lease, built));
  await step("consume, one event", async () => await of.consume({ consumer: "reader", handler }));
  await step("consume, nothing new", async () => await of.consume({ consumer: "reader", handler }));
}

async function claiming(of: Materializer, pool: pg.Pool): Promise<void> {
  await step("claim, nothing due", async () => await of.claim({ limit: 4 }));
  for (const count of [1_000, 100_000].filter((due) => due <= branches)) {
    await pool.query(
      `update headstart_materializer.branches set dirty = true, desired_seq = desired_seq + 1, due_at = now()
       where id in (select 1 + (n * 7919::bigint) % $2 from generate_series(1, $1::int) n)`,
      [count, branches],
    );
    await pool.query("vacuum (analyze) headstart_materializer.branches");
    log.take();
    await step(`claim, ${count.toLocaleString("en")} due`, async () => await of.claim({ limit: 4 }));
  }
  await pool.query("update headstart_materializer.branches set dirty = false where dirty");
  await pool.query("vacuum (analyze) headstart_materializer.branches");
  log.take();
}

async function rest(of: Materializer): Promise<void> {
  const main = { repository: "real", branch: "main" };
  await step("audit of the next branch", async () => await of.audit().catch(() => undefined));
  await step("verify", async () => await of.verify(main));
  await step("explain", async () => await of.explain(main));
  await step("retain", async () => await of.retain());
  const stop = new AbortController();
  await step("run, one look at nothing", async () => {
    setTimeout(() => stop.abort(), 1_500);
    await of.run({ signal: stop.signal, idleMs: 5_000 });
  });
  await step("read a branch's rows", async () => {
    await db.query(
      `select key, data from headstart_materializer.branch_rows
       where repository = 'r7' and ref = 'refs/heads/main' and collection = 'page'`,
    );
  });
}

async function handler(): Promise<void> {
  // Reading is what is measured.
}

async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  log.take();
  const started = performance.now();
  const result = await work();
  report(name, performance.now() - started, log.take());
  return result;
}

function report(name: string, ms: number, statements: readonly Statement[]): void {
  const sum = (of: (statement: Statement) => number): number =>
    statements.reduce((total, statement) => total + of(statement), 0);
  console.log(
    `${name}: ${statements.length} statements, ${sum((s) => s.ms).toFixed(1)} ms in the server, ${sum((s) => s.pages).toLocaleString("en")} pages, ${ms.toFixed(0)} ms in all`,
  );
  const widest = statements
    .filter(({ pages: read, ms: took }) => read > 200 || took > 2)
    .toSorted((a, b) => b.pages - a.pages);
  for (const { sql, ms: took, pages: read, scans } of widest.slice(0, 3)) {
    console.log(`  ${took.toFixed(1)} ms, ${read.toLocaleString("en")} pages: ${sql.slice(0, 110)}…`);
    for (const scan of scans.slice(0, 3)) console.log(`    ${scan}`);
  }
}

async function size(): Promise<string> {
  const { rows } = await db.query<{ size: string }>(
    "select pg_size_pretty(pg_database_size(current_database())) as size",
  );
  return rows[0]?.size ?? "";
}
