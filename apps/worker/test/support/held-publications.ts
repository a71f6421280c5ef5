import pg from "pg";
import { expect } from "vitest";
import type { WorkerProject } from "./worker-project.ts";

export interface HeldPublications {
  /** Resolves once this many builds wait, each in a query of its worker. */
  waiting(count: number): Promise<void>;
  release(): Promise<void>;
}

/** Lets every publication wait for the test, as behind a lock that somebody else holds. The schema has to be there. */
export async function holdPublications({ databaseUrl, db }: WorkerProject): Promise<HeldPublications> {
  const blocker = new pg.Client({ connectionString: databaseUrl });
  // A test that fails leaves it to the end of its database.
  blocker.on("error", () => undefined);
  await blocker.connect();
  await blocker.query("select pg_advisory_lock(4711)");
  await db.query(`create function headstart_materializer.wait_for_test() returns trigger language plpgsql as $$
    begin perform pg_advisory_xact_lock_shared(4711); return new; end $$`);
  await db.query(`create trigger wait_for_test before insert on headstart_materializer.versions
    for each row execute function headstart_materializer.wait_for_test()`);
  const held = async (): Promise<number> => {
    const { rows } = await db.query<{ waiting: number }>(
      `select count(*)::int as waiting from pg_stat_activity
       where wait_event = 'advisory' and datname = current_database()`,
    );
    return rows[0]?.waiting ?? 0;
  };
  return {
    waiting: async (count) =>
      await expect.poll(held, { timeout: 60_000, interval: 20 }).toBeGreaterThanOrEqual(count),
    release: async () => await blocker.end(),
  };
}
