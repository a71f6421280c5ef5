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
  // Updates moved the rows about; in order they take less room, here and in a snapshot.
  await client.query("cluster run using run_pkey");
  await client.query("cluster document using document_pkey");
}
