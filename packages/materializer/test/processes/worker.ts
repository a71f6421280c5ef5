import pg from "pg";
import { createMaterializer } from "../../src/create-materializer.ts";
import { notesProjector } from "../support/notes-projector.ts";

/** One worker as a process of its own: builds until it is told to end, and says on stdout what it did. */
interface WorkerConfig {
  readonly databaseUrl: string;
  readonly mirrors: string;
  readonly leaseMs: number;
  readonly concurrency: number;
  readonly pollMinMs?: number;
  readonly pollMaxMs?: number;
  /** Of the projector that it has. Default: that of `notesProjector`. */
  readonly release?: { readonly revision: string; readonly policy: "strict" | "lenient" };
}

const config = JSON.parse(process.env["WORKER_CONFIG"] ?? "") as WorkerConfig;
const { leaseMs, pollMinMs = 500, pollMaxMs = 2_000 } = config;
const db = new pg.Pool({
  connectionString: config.databaseUrl,
  max: config.concurrency + 2,
  application_name: `worker ${process.pid}`,
});
db.on("error", () => undefined);
const ending = new AbortController();
process.on("SIGTERM", () => ending.abort());
const materializer = createMaterializer({
  db,
  projectors: [notesProjector(config.release)],
  mirrors: { root: config.mirrors, protocols: ["file", "http"] },
  settings: { leaseMs, pollMinMs, pollMaxMs },
});
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
say({ ready: process.pid });
await materializer.run({
  signal: ending.signal,
  concurrency: () => config.concurrency,
  idleMs: 50,
  onError: (error) => void process.stderr.write(`${String(error)}\n`),
  onMaterialized: (lease, result) =>
    say({ ref: lease.ref, result: result instanceof Error ? result.message : result.outcome }),
});
await materializer[Symbol.asyncDispose]();
await db.end();
say({ ended: true });
