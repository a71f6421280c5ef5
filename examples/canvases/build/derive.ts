import type pg from "pg";

const steps = [
  ["runs", "select derive_runs(0)"],
  ["activity by day", "select derive_activity(0)"],
  ["documents", "select derive_documents(0)"],
] as const;

/** Folds the whole log into the derived tables; the functions are the ones that go on from there later. */
export async function derive(client: pg.Client, report: (detail: string) => void): Promise<void> {
  for (const [name, sql] of steps) {
    report(`deriving ${name}`);
    await client.query(sql);
  }
  // What was updated in place leaves room for nothing.
  await client.query("vacuum (full) run, document");
}
