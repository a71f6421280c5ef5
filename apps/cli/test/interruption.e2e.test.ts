import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import pg from "pg";
import { expect, test } from "vitest";
import { branchProject, page } from "./fixtures/branches.ts";
import type { Project } from "./fixtures/project.ts";
import { fillLog, projectionProject, type ProjectionProject } from "./fixtures/projections.ts";

/** A transaction of somebody else's, in the middle of its work. */
interface Elsewhere extends AsyncDisposable {
  /** Statements that wait for a lock of this one, and all sessions of commands. */
  readonly seen: () => Promise<{ waiting: number; sessions: number }>;
}

async function elsewhere(url: string, text: string): Promise<Elsewhere> {
  const [holder, watcher] = [new pg.Client(url), new pg.Client(url)];
  await holder.connect();
  await watcher.connect();
  await holder.query(`begin; ${text}`);
  return {
    seen: async () => {
      const { rows } = await watcher.query<{ waiting: number; sessions: number }>(
        `select (count(*) filter (where wait_event_type = 'Lock'))::int as waiting, count(*)::int as sessions
         from pg_stat_activity
         where datname = current_database() and application_name ~ '^headstart (projections|materialize) '`,
      );
      return rows[0] ?? { waiting: 0, sessions: 0 };
    },
    [Symbol.asyncDispose]: async () => {
      await holder.end();
      await watcher.end();
    },
  };
}

type Started = ReturnType<Project["start"]>;

/** Stops a command that waits for a lock; it ends while the lock is still held, and leaves nothing on the server. */
async function stopWaiting(command: Started, { seen }: Elsewhere): Promise<Awaited<Started>> {
  await expect.poll(async () => (await seen()).waiting, { timeout: 60_000, interval: 5 }).toBeGreaterThan(0);
  command.kill("SIGTERM");
  const outcome = await command;
  expect(await seen()).toEqual({ waiting: 0, sessions: 0 });
  return outcome;
}

const erasOf = async ({ rows }: ProjectionProject): Promise<object[]> =>
  await rows("select number from headstart_projections.era order by number");

test.each([
  ["an address as it is", ""],
  ["an address that names the session", "?application_name=ledger"],
])("SIGTERM ends a restamp that waits for a lock, and nothing comes of it later: %s", async (_, query) => {
  await using ledger = await projectionProject();
  await fillLog(ledger, 10);
  await ledger.rows("update headstart_projections.era set system_identifier = '1'");
  const eras = await erasOf(ledger);
  const url = new URL(ledger.url);
  url.search = query;
  {
    const lock = "select pg_advisory_lock(hashtextextended('headstart_projections.append', 0))";
    await using holder = await elsewhere(ledger.url, lock);
    const env = { LEDGER_URL: url.href };
    const { exitCode, stderr } = await stopWaiting(
      ledger.project.start(["projections", "restamp"], { env }),
      holder,
    );
    expect(exitCode).toBe(143);
    expect(stderr).toContain("[INTERRUPTED]");
  }
  expect(await erasOf(ledger)).toEqual(eras);
  expect(await ledger.run(["restamp"])).toMatchObject({ exitCode: 0 });
  expect(await erasOf(ledger)).toHaveLength(eras.length + 1);
});

test.each([
  ["status", "headstart_projections.era"],
  ["rebuild balances", "headstart_projections.event"],
])("SIGTERM ends `projections %s` that waits for a table", async (command, table) => {
  await using ledger = await projectionProject();
  await fillLog(ledger, 10);
  await using holder = await elsewhere(ledger.url, `lock table ${table} in access exclusive mode`);
  const { exitCode } = await stopWaiting(ledger.start(command.split(" ")), holder);
  expect(exitCode).toBe(143);
});

test("an order about branches that was cancelled is not carried out once the lock is freed", async () => {
  await using content = await branchProject();
  await content.commit("main", { "pages/home.md": page("Home") });
  await content.run(["sync"]);
  {
    const lock = "select from headstart_materializer.repositories for update";
    await using holder = await elsewhere(content.url, lock);
    const { exitCode, stderr } = await stopWaiting(content.start(["pause"]), holder);
    expect(exitCode).toBe(143);
    expect(stderr).toContain("[INTERRUPTED]");
  }
  const pausedAt = async (): Promise<object[]> =>
    await content.rows("select paused_at is not null as paused from headstart_materializer.repositories");
  expect(await pausedAt()).toEqual([{ paused: false }]);
  expect(await content.run(["pause"])).toMatchObject({ exitCode: 0 });
  expect(await pausedAt()).toEqual([{ paused: true }]);
});

test.each(["status", "explain", "history", "rollback", "sync"])(
  "SIGTERM ends `materialize %s` that waits for a table",
  async (command) => {
    await using content = await branchProject();
    await content.commit("main", { "pages/home.md": page("Home") });
    await content.run(["sync"]);
    const lock = "lock table headstart_materializer.repositories in access exclusive mode";
    await using holder = await elsewhere(content.url, lock);
    const { exitCode } = await stopWaiting(content.start([command]), holder);
    expect(exitCode).toBe(143);
  },
);

/** Takes connections and never says anything, like a host behind a wall that drops packets. */
async function silentServer(): Promise<{ server: Server; url: string } & AsyncDisposable> {
  const server = createServer((socket) => void socket.on("error", () => undefined).resume());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    server,
    url: `postgres://ada@127.0.0.1:${port}/ledger`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, "close");
    },
  };
}

test("a signal ends a command that waits for a server which does not answer, and without one it gives up", async () => {
  await using silent = await silentServer();
  await using ledger = await projectionProject();
  await using content = await branchProject();
  const projections = (): Started =>
    ledger.project.start(["projections", "status"], { env: { LEDGER_URL: silent.url } });
  const materialize = (): Started =>
    content.project.start(["materialize", "status"], { env: { CONTENT_URL: silent.url } });
  for (const start of [projections, materialize]) {
    const connected = once(silent.server, "connection");
    const command = start();
    await connected;
    command.kill("SIGINT");
    expect(await command).toMatchObject({ exitCode: 130 });
  }
  for (const { exitCode, stderr } of await Promise.all([projections(), materialize()])) {
    expect(exitCode).toBe(4);
    expect(stderr).toContain("[SERVER_UNREACHABLE]");
  }
});
