import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedServer } from "@headstart/pg-snapshot";
import { createBootstrap, defineProjection } from "@headstart/projection-bootstrap";
import pg from "pg";
import Cursor from "pg-cursor";
import { z } from "zod";
import { printRatios, timed } from "./print-ratios.ts";

const rounds = 21;
const entities = 10_000;
/** Events of each log, made by the server; the largest takes two minutes to make. */
const sizes = process.argv.slice(2).map(Number);
if (sizes.length === 0) sizes.push(10_000, 100_000, 1_000_000, 5_000_000);

interface Account {
  balance: number;
  changes: number;
  last: string;
}

const accounts = defineProjection<Account>({
  name: "accounts",
  identity: "benchmark",
  key: ({ stream }) => stream,
  schema: z.object({ balance: z.number(), changes: z.number(), last: z.string() }),
  init: () => ({ balance: 0, changes: 0, last: "" }),
  apply: ({ balance, changes }, { data }) => {
    const { amount, note } = data as { amount: number; note: string };
    return { balance: balance + amount, changes: changes + 1, last: note };
  },
});

/** What a service without a snapshot does: the whole log through a cursor, folded by the same function. */
async function replay(client: pg.ClientBase): Promise<Map<string, unknown>> {
  const { init, apply } = accounts.definition;
  const states = new Map<string, unknown>();
  const cursor = client.query(
    new Cursor<[string, unknown]>(
      "select stream, data from headstart_projections.event order by era, xid, number",
      [],
      { rowMode: "array" },
    ),
  );
  for (;;) {
    const page = await cursor.read(2000);
    if (page.length === 0) break;
    for (const [key, data] of page) {
      const event = { data } as Parameters<typeof apply>[1];
      states.set(key, apply(states.get(key) ?? init(key), event, { key, get: () => undefined }));
    }
  }
  await cursor.close();
  return states;
}

function peakMegabytes(): string {
  return (process.resourceUsage().maxRSS / 1024).toFixed(0);
}

const directory = await mkdtemp(join(tmpdir(), "headstart-bench-"));
// Open to the account that a server started by root runs as.
await chmod(directory, 0o755);
const server = await startEmbeddedServer({ directory });
const pool = new pg.Pool({ connectionString: server.url, max: 8 });
// Connections that rest when the server stops have an error to tell; by then nothing depends on them.
pool.on("error", () => undefined);
try {
  const bootstrap = createBootstrap({ pool, projections: [accounts] });
  for (const events of sizes) {
    await pool.query("drop schema if exists headstart_projections cascade");
    const fresh = createBootstrap({ pool, projections: [accounts] });
    await fresh.migrate();
    await pool.query(
      `insert into headstart_projections.event (era, stream, version, type, data)
       select 1, 'account-' || n % ${entities}, n / ${entities} + 1, 'changed',
              json_build_object('amount', n % 1000, 'note', md5(n::text))
         from generate_series(0, ${events - 1}) as n`,
    );
    await pool.query("analyze headstart_projections.event");
    const rebuildMs = await timed(() => fresh.boot());
    const client = await pool.connect();
    const times: Record<"boot" | "select" | "replay", number[]> = { boot: [], select: [], replay: [] };
    let read = 0;
    let bytes = 0;
    for (let round = 0; round < rounds; round++) {
      times.boot.push(
        await timed(async () => {
          const { report, model } = await bootstrap.boot();
          if (model.size(accounts) !== Math.min(entities, events)) throw new Error("the model is not whole");
          read += report.reads.tail.rows + report.reads.refold.rows + report.reads.rebuild.rows;
          bytes = report.projections[0]?.bytes ?? 0;
        }),
      );
      times.select.push(
        await timed(() => client.query("select key, state from headstart_projections.accounts")),
      );
    }
    const booted = peakMegabytes();
    for (let round = 0; round < (events > 1_000_000 ? 1 : 3); round++)
      times.replay.push(await timed(() => replay(client)));
    client.release();
    printRatios(
      `Boot of ${entities} rows over ${events} events: ${read} event rows read, ${(bytes / 1e6).toFixed(1)} MB of rows (built in ${rebuildMs.toFixed(0)} ms)`,
      { name: "boot()", ms: times.boot },
      [
        { name: "plain select of the rows", ms: times.select },
        { name: "full replay through a cursor", ms: times.replay },
      ],
    );
    console.log(
      `\npeak memory so far: ${booted} MB after the boots, ${peakMegabytes()} MB after the replays`,
    );
  }
} finally {
  await pool.end();
  await server.leave();
  await rm(directory, { recursive: true, force: true });
}
