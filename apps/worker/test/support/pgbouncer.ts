import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "./requires.ts";

/** Whom it runs as when this process is root, which it refuses to be: nobody. */
const NOBODY = 65_534;

export interface Bouncer extends AsyncDisposable {
  /** The same database, through it. */
  readonly url: string;
}

/** PgBouncer with its own defaults before a database, pooled by session. */
export async function startBouncer(database: string): Promise<Bouncer> {
  const { hostname, port, username, password, pathname } = new URL(database);
  const directory = await mkdtemp(join(tmpdir(), "headstart-pgbouncer-"));
  await chmod(directory, 0o755);
  const listening = await freePort();
  const users = join(directory, "users.txt");
  const ini = join(directory, "pgbouncer.ini");
  const quoted = [username, password].map((text) => `"${decodeURIComponent(text).replaceAll('"', '""')}"`);
  await writeFile(users, `${quoted.join(" ")}\n`, { mode: 0o600 });
  await writeFile(
    ini,
    `[databases]\n* = host=${hostname} port=${port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n` +
      `listen_port = ${listening}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = ${users}\n` +
      `pool_mode = session\ndefault_pool_size = 50\n`,
  );
  const account = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  if (account.uid !== undefined) await chown(users, NOBODY, NOBODY);
  const child = spawn(findProgram("pgbouncer") ?? "pgbouncer", [ini], {
    ...account,
    cwd: "/",
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = once(child, "exit");
  let said = "";
  await new Promise<void>((resolve, reject) => {
    child.stderr.on("data", (chunk: Buffer) => {
      if ((said += chunk.toString()).includes("process up")) resolve();
    });
    child.once("exit", () => reject(new Error(`PgBouncer did not start:\n${said}`)));
    child.once("error", reject);
  });
  const user = password === "" ? username : `${username}:${password}`;
  return {
    url: `postgres://${user}@127.0.0.1:${listening}${pathname}`,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
