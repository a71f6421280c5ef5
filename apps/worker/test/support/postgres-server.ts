import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFile, chmod, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedServer } from "@headstart/pg-snapshot";
import pg from "pg";
import { until } from "./until.ts";

/** A Postgres of the test's own that may be taken away and brought back at the same address. */
export interface PostgresServer extends AsyncDisposable {
  /** Of its one database. */
  readonly url: string;
  /** `fast` ends all sessions first, `immediate` ends as a crash does. Resolves once it is gone. */
  stop(mode: "fast" | "immediate"): Promise<void>;
  /** Resolves once it answers. */
  start(): Promise<void>;
}

/** What was committed survives a crash of the server, as it does in production; only the disk is not waited for. */
const settings: Readonly<Record<string, string>> = {
  synchronous_commit: "on",
  autovacuum: "on",
  max_connections: "200",
};

/** @param host the address it listens on; everybody who reaches it may try a password */
export async function startPostgres({ host = "127.0.0.1" }: { host?: string } = {}): Promise<PostgresServer> {
  const directory = await mkdtemp(join(tmpdir(), "headstart-postgres-"));
  await chmod(directory, 0o755);
  const { data, program, account, password } = await makeData(directory);
  const port = await freePort(host);
  const url = `postgres://postgres:${encodeURIComponent(password)}@${host}:${port}/postgres`;
  const listening = { listen_addresses: host, port: String(port), unix_socket_directories: "" };
  const flags = Object.entries({ ...settings, fsync: "off", jit: "off", ...listening }).flatMap(
    ([name, value]) => ["-c", `${name}=${value}`],
  );
  let server: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    server = spawn(program, ["-D", data, ...flags], { cwd: "/", stdio: "ignore", ...account });
    await until(async () => await answers(url), { what: "Postgres to answer", timeoutMs: 60_000 });
  };
  const stop = async (mode: "fast" | "immediate"): Promise<void> => {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    server.kill(mode === "fast" ? "SIGINT" : "SIGQUIT");
    await once(server, "exit");
  };
  await start();
  return {
    url,
    start,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop("immediate");
      await rm(directory, { recursive: true, force: true });
    },
  };
}

interface Data {
  readonly data: string;
  /** Path of `postgres`. */
  readonly program: string;
  /** Whom it runs as: the server refuses to be root's. */
  readonly account: { readonly uid: number; readonly gid: number };
  readonly password: string;
}

/** The embedded server makes the data and finds the programs; it is then run at an address that stays the same. */
async function makeData(directory: string): Promise<Data> {
  const embedded = await startEmbeddedServer({ directory, settings });
  const data = embedded.dataDirectory;
  const [program] = (await readFile(join(data, "postmaster.opts"), "utf8")).split(" ");
  await embedded.stop();
  await appendFile(join(data, "pg_hba.conf"), "\nhost all all samenet scram-sha-256\n");
  const { uid, gid } = await stat(data);
  if (program === undefined)
    throw new Error(`${data}/postmaster.opts does not say how the server was started`);
  return {
    data,
    program,
    account: { uid, gid },
    password: decodeURIComponent(new URL(embedded.url).password),
  };
}

async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("select");
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
