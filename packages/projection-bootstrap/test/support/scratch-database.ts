import { prepare } from "@headstart/pg-snapshot";
import pg from "pg";
import { inject } from "vitest";

/** An empty database of the test's own. */
export interface Scratch extends AsyncDisposable {
  readonly url: string;
  readonly pool: pg.Pool;
  /** Another pool for the same database, as another process would have. */
  anotherPool(): pg.Pool;
  rows<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
}

export async function scratchDatabase(): Promise<Scratch> {
  const prepared = await prepare(
    {
      name: "projections",
      fingerprint: () => Promise.resolve({ digest: "0".repeat(64), manifest: "" }),
      build: () => Promise.resolve(),
    },
    { server: inject("serverUrl"), save: "never" },
  );
  const clone = await prepared.template.clone();
  const pools: pg.Pool[] = [];
  const open = (): pg.Pool => {
    const pool = new pg.Pool({ connectionString: clone.url, max: 12 });
    pool.on("error", () => undefined);
    pools.push(pool);
    return pool;
  };
  const pool = open();
  return {
    url: clone.url,
    pool,
    anotherPool: open,
    rows: async <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) =>
      (await pool.query<Row>(sql, values)).rows,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(pools.map((each) => each.end()));
      await clone.drop();
      await prepared[Symbol.asyncDispose]();
    },
  };
}
