import { chmod, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { stopEmbeddedServer } from "../../src/embedded/embedded-server-status.ts";

export interface ServerDirectory extends AsyncDisposable {
  readonly path: string;
}

/** A place for a server outside the cache; whatever runs in it is stopped in the end, also when a test fails. */
export async function serverDirectory(name = "server"): Promise<ServerDirectory> {
  const parent = await mkdtemp(join(tmpdir(), "headstart-test-"));
  await chmod(parent, 0o755);
  const path = join(parent, name);
  await mkdir(path);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await stopEmbeddedServer(path);
      await rm(parent, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    },
  };
}

/** Runs one query and closes the connection. */
export async function ask<Row extends object>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

/** The pid in a data directory's pid file. */
export async function postmasterPid(dataDirectory: string): Promise<number> {
  return Number.parseInt(await readFile(join(dataDirectory, "postmaster.pid"), "utf8"), 10);
}

/** Command lines of the live processes that name `text`, by their pids. Linux only. */
export async function processesNaming(text: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    const command = await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "");
    if (command.includes(text)) found.push(`${name}: ${command.replaceAll("\0", " ")}`);
  }
  return found;
}
