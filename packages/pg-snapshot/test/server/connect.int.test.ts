import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, inject, test } from "vitest";
import { prepare } from "../../src/prepare/prepare.ts";
import type { Target } from "../../src/prepare/target.ts";
import { connect } from "../../src/server/connect.ts";
import { resolveConnection } from "../../src/server/connection-settings.ts";
import { freshDigest, query } from "../fixtures/databases.ts";

const server = inject("serverUrl");
const reason = new Error("changed my mind");

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
