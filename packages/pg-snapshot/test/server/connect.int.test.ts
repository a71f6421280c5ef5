import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, expect, inject, test, vi } from "vitest";
import { listPostgres } from "../../src/embedded/find-postgres.ts";
import { startEmbeddedServer } from "../../src/embedded/start-embedded-server.ts";
import { Owner } from "../../src/owner.ts";
import { prepare } from "../../src/prepare/prepare.ts";
import type { Target } from "../../src/prepare/target.ts";
import { connect } from "../../src/server/connect.ts";
import { resolveConnection } from "../../src/server/connection-settings.ts";
import { directoryStore } from "../../src/snapshot/directory-store.ts";
import { serverDirectory } from "../embedded/server-directory.ts";
import { freshDigest, query } from "../fixtures/databases.ts";
import { temporaryFolder } from "../tools/tool-script.ts";

const server = inject("serverUrl");
const reason = new Error("changed my mind");
afterEach(() => vi.unstubAllEnvs());

test("an abort while a server accepts and never answers ends the attempt and its socket at once", async () => {
  const silent = createServer();
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const controller = new AbortController();
  const started = performance.now();
  const connecting = connect(
    { ...resolveConnection(server), port },
    { database: "postgres", signal: controller.signal },
  );
  const settled = expect(connecting).rejects.toBe(reason);
  const [socket] = (await once(silent, "connection")) as [Socket];
  socket.resume();
  controller.abort(reason);
  await settled;
  if (!socket.closed) await once(socket, "close");
  // The time limit of an attempt is ten seconds.
  expect(performance.now() - started).toBeLessThan(5_000);
  silent.close();
});

test("an abort at any moment of connecting settles with the caller's reason", async () => {
  const name = `abort_connect_${freshDigest().slice(0, 8)}`;
  const target: Target = {
    name,
    fingerprint: async () => ({ digest: name, manifest: "" }),
    build: () => Promise.reject(new Error("there is nothing to build")),
  };
  for (let turns = 0; turns < 40; turns++) {
    const controller = new AbortController();
    const settled = expect(prepare(target, { server, signal: controller.signal })).rejects.toBe(reason);
    for (let turn = 0; turn < turns; turn++) await nextTurn();
    controller.abort(reason);
    await settled;
  }
  const sessions = `select 1 from pg_stat_activity where application_name like 'headstart prepare ${name.slice(0, 20)}%'`;
  await expect.poll(() => query(server, sessions)).toEqual([]);
});

test("a server soon notices that a machine is gone that holds locks", async () => {
  await using owner = await Owner.open(resolveConnection(server), { purpose: "test" });
  const found = await owner.query<{ name: string; setting: string }>(
    "reading settings",
    "select name, setting from pg_settings where name like 'tcp_keepalives%'",
  );
  expect(Object.fromEntries(found.map(({ name, setting }) => [name, setting]))).toEqual({
    tcp_keepalives_idle: "10",
    tcp_keepalives_interval: "5",
    tcp_keepalives_count: "3",
  });
});

test("limits that a role has for its application do not end our work, however long it takes", async () => {
  const id = freshDigest().slice(0, 8);
  const role = `limited_${id}`;
  await query(server, `create role ${role} login createdb password 'pw'`);
  const limits = [
    "statement_timeout",
    "lock_timeout",
    "idle_session_timeout",
    "idle_in_transaction_session_timeout",
  ];
  for (const limit of limits) await query(server, `alter role ${role} set ${limit} to '1ms'`);
  const settings = { ...resolveConnection(server), user: role, password: "pw" };
  const idle = `select 1 from pg_stat_activity
    where application_name like 'headstart prepare limits ${id}%' and state = 'idle'
      and clock_timestamp() - state_change > interval '100 ms'`;
  const digest = freshDigest();
  const snapshots = await temporaryFolder();
  const limited: Target = {
    name: `limits ${id}`,
    fingerprint: async () => ({ digest, manifest: "" }),
    build: async ({ name }) => {
      await query(server, "create table item as select 1 as id", { database: name });
      await query(server, `alter table item owner to ${role}`, { database: name });
      await expect.poll(() => query(server, idle)).toHaveLength(1);
    },
    stores: [directoryStore(snapshots, { writable: true })],
  };
  await using built = await prepare(limited, { server: settings });
  expect(built.saved).toMatchObject({ status: "saved" });
  await using restored = await prepare(limited, { server: settings, from: "snapshot" });
  await using clone = await restored.template.clone();
  expect(await query(server, "select id from item", { database: clone.name })).toEqual([{ id: 1 }]);
});

test("nor does the limit that came with Postgres 17", async () => {
  const newest = (await listPostgres()).find(({ major }) => major >= 17);
  await using place = await serverDirectory();
  await using embedded = await startEmbeddedServer({ directory: place.path, binaries: newest?.directory });
  await query(embedded.url, "alter role postgres set transaction_timeout to '1min'");
  await using session = await connect(resolveConnection(embedded.url));
  expect((await session.query("show transaction_timeout")).rows).toEqual([{ transaction_timeout: "0" }]);
});

const openSockets = (): number =>
  process.getActiveResourcesInfo().filter((resource) => resource === "TCPSocketWrap").length;

test.each(["wrong", undefined])(
  "a connection that is refused (password %s) keeps no process",
  async (password) => {
    vi.stubEnv("PGPASSWORD", undefined);
    vi.stubEnv("PGPASSFILE", "/dev/null");
    const before = openSockets();
    const connecting = connect({ ...resolveConnection(server), password });
    await expect(connecting).rejects.toMatchObject({ code: "AUTHENTICATION_FAILED" });
    // The server itself waits a minute for a password.
    await expect.poll(openSockets, { timeout: 10_000 }).toBe(before);
  },
);
