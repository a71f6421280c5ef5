import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import type { DurableServer } from "./durable-server.ts";
import { descendantsMs } from "./processor-time.ts";

/** What one operation costs, on average. */
export interface Cost {
  /** Wall clock, with nothing else going on. */
  readonly ms: number;
  /** Milliseconds of a processor: of Node, of git on both sides, of Postgres with its background processes. */
  readonly nodeMs: number;
  readonly gitMs: number;
  readonly postgresMs: number;
  readonly walBytes: number;
  /** Transactions that wrote, each of which waits for the log to reach the disk. */
  readonly commits: number;
  readonly rowsWritten: number;
  readonly roundTrips: number;
}

export interface Meter extends AsyncDisposable {
  /** Runs `work` `times` times; `prepare` before each goes uncounted. */
  weigh(
    times: number,
    work: (index: number) => Promise<unknown>,
    prepare?: (index: number) => Promise<unknown>,
  ): Promise<Cost>;
}

type Reading = Omit<Cost, "commits" | "rowsWritten">;
type Processors = Pick<Reading, "nodeMs" | "ms" | "roundTrips">;

export function createMeter(server: DurableServer, db: pg.Pool): Meter {
  const postmaster = Number(
    readFileSync(join(server.dataDirectory, "postmaster.pid"), "utf8").split("\n")[0],
  );
  const watcher = new pg.Pool({ connectionString: server.url, max: 1 });
  let roundTrips = 0;
  db.on("connect", (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      roundTrips += 1;
      return query(...args);
    }) as typeof client.query;
  });
  const ask = async (sql: string): Promise<number> => {
    const { rows } = await watcher.query<{ value: string }>(`select (${sql})::text as value`);
    return Number(rows[0]?.value);
  };
  // What watching costs itself is left out: the processors are read last before the work and first after it.
  const processors = (): Processors => {
    const { user, system } = process.cpuUsage();
    return { nodeMs: (user + system) / 1000, ms: performance.now(), roundTrips };
  };
  const rest = async (): Promise<Omit<Reading, keyof Processors>> => ({
    gitMs: descendantsMs(process.pid, postmaster),
    postgresMs: descendantsMs(postmaster),
    walBytes: await ask("pg_current_wal_insert_lsn() - '0/0'"),
  });
  const transactions = async (): Promise<number> => await ask("pg_current_xact_id()");
  const rows = async (): Promise<number> => {
    // Sessions report what they did a second later at the earliest, and when their next transaction ends.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await Promise.all(Array.from({ length: db.totalCount }, async () => await db.query("select 1")));
    return await ask(
      "select tup_inserted + tup_updated + tup_deleted from pg_stat_database where datname = current_database()",
    );
  };
  return {
    weigh: async (times, work, prepare) => {
      const total = { ms: 0, nodeMs: 0, gitMs: 0, postgresMs: 0, walBytes: 0, roundTrips: 0 };
      const rowsBefore = await rows();
      let commits = 0;
      // Where nothing is prepared in between, one reading before and one after is more exact.
      const atOnce = prepare === undefined ? times : 1;
      for (let index = 0; index < times; index += atOnce) {
        await prepare?.(index);
        const first = await transactions();
        const start = { ...(await rest()), ...processors() };
        for (let at = index; at < index + atOnce; at += 1) await work(at);
        const end = { ...processors(), ...(await rest()) };
        commits += (await transactions()) - first - 1;
        for (const key of Object.keys(total) as (keyof Reading)[]) total[key] += end[key] - start[key];
      }
      const sums = { ...total, commits, rowsWritten: (await rows()) - rowsBefore };
      return Object.fromEntries(
        Object.entries(sums).map(([key, sum]) => [key, sum / times]),
      ) as unknown as Cost;
    },
    [Symbol.asyncDispose]: async () => await watcher.end(),
  };
}
