import { randomBytes } from "node:crypto";
import { createMaterializer } from "@headstart/materializer";
import pg from "pg";
import { inject } from "vitest";
import { migrate } from "../../src/database/migrate.ts";

/** A database of the test's own, with a pool to look into it. */
export interface ScratchDatabase extends AsyncDisposable {
  readonly url: string;
  readonly db: pg.Pool;
}

/** @param migrated with the tables of the materializer and of the worker */
export async function scratchDatabase({
  migrated = true,
  server = inject("serverUrl"),
}: { migrated?: boolean; server?: string } = {}): Promise<ScratchDatabase> {
  const name = `worker_${randomBytes(6).toString("hex")}`;
  await administer(server, `create database "${name}"`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const db = new pg.Pool({ connectionString: url.href, max: 8 });
  // A server that a test restarts ends idle connections; the next query opens another one.
  db.on("error", () => undefined);
  if (migrated) {
    await createMaterializer({ db, projectors: [], mirrors: { root: "/nonexistent" } }).migrate();
    await migrate(db);
  }
  return {
    url: url.href,
    db,
    [Symbol.asyncDispose]: async () => {
      await db.end();
      await administer(server, `drop database if exists "${name}" with (force)`);
    },
  };
}

async function administer(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
