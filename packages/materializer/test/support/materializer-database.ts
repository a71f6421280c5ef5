import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { prepare, type Clone, type Target } from "@headstart/pg-snapshot";
import pg from "pg";
import { migrate } from "../../src/database/migrate.ts";
import { migrations } from "../../src/migrations.ts";

/** A database with this package's tables: migrated once a run, then cloned for each test. */
const target: Target = {
  name: "materializer",
  fingerprint: async () => {
    const digest = createHash("sha256");
    for (const name of (await readdir(migrations)).toSorted())
      digest.update(await readFile(new URL(name, migrations)));
    return { digest: digest.digest("hex"), manifest: "" };
  },
  build: async ({ url }) => {
    const db = new pg.Pool({ connectionString: url });
    await migrate(db);
    await db.end();
  },
};

export async function cloneDatabase(server: string): Promise<Clone & AsyncDisposable> {
  const prepared = await prepare(target, { server, save: "never" });
  const clone = await prepared.template.clone();
  const dispose = async (): Promise<void> => {
    await clone.drop();
    await prepared[Symbol.asyncDispose]();
  };
  return { ...clone, url: clone.url, name: clone.name, drop: dispose, [Symbol.asyncDispose]: dispose };
}
