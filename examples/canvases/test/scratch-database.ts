import { randomUUID } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";

export interface ScratchDatabase extends AsyncDisposable {
  readonly url: string;
}

/** An empty database, dropped when it is disposed of. */
export async function scratchDatabase(): Promise<ScratchDatabase> {
  const server = inject("serverUrl");
  const name = `canvases_test_${randomUUID().replaceAll("-", "")}`;
  await onServer(server, `create database ${name} template template0`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    [Symbol.asyncDispose]: () => onServer(server, `drop database ${name} with (force)`),
  };
}

async function onServer(server: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
