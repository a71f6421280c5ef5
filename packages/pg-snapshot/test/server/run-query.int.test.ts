import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, inject, test } from "vitest";
import { connect } from "../../src/server/connect.ts";
import { resolveConnection } from "../../src/server/connection-settings.ts";
import { runQuery } from "../../src/server/run-query.ts";
import { freshDigest, query } from "../fixtures/databases.ts";
import { proxy } from "../fixtures/proxy.ts";

const server = inject("serverUrl");
const settings = resolveConnection(server);
const reason = new Error("changed my mind");
const endless = "select pg_sleep(600)";
const newName = (): string => `run-query ${freshDigest().slice(0, 8)}`;
const running = (name: string): Promise<object[]> =>
  query(server, `select 1 from pg_stat_activity where application_name = '${name}' and state = 'active'`);

test("an abort at any moment of a statement ends it on the server", async () => {
  for (let turns = 0; turns < 20; turns++) {
    const applicationName = newName();
    await using session = await connect(settings, { applicationName });
    const controller = new AbortController();
    const work = runQuery(session, endless, { doing: "waiting", signal: controller.signal, settings });
    const settled = expect(work).rejects.toBe(reason);
    for (let turn = 0; turn < turns; turn++) await nextTurn();
    controller.abort(reason);
    await settled;
    expect(await running(applicationName)).toEqual([]);
    // The session is as good as before.
    expect(await runQuery(session, "select 1 as one", { doing: "asking", settings })).toEqual([{ one: 1 }]);
  }
});

test("a cancel that did not reach the server is sent again", async () => {
  await using network = await proxy(settings);
  const through = network.settings;
  const applicationName = newName();
  await using session = await connect(through, { applicationName });
  const controller = new AbortController();
  const work = runQuery(session, endless, { doing: "waiting", signal: controller.signal, settings: through });
  const settled = expect(work).rejects.toBe(reason);
  await expect.poll(() => running(applicationName)).toHaveLength(1);
  network.manner = "refusing";
  controller.abort(reason);
  await expect.poll(() => network.connections).toBe(2);
  network.manner = "open";
  await settled;
  expect(await running(applicationName)).toEqual([]);
  expect(session.lost.aborted).toBe(false);
});

test("an abort, and a goodbye, end also where the network swallows everything", async () => {
  await using network = await proxy(settings);
  const through = network.settings;
  const applicationName = newName();
  await using session = await connect(through, { applicationName });
  const idle = await connect(through, { applicationName: newName() });
  const controller = new AbortController();
  const work = runQuery(session, endless, { doing: "waiting", signal: controller.signal, settings: through });
  const settled = expect(work).rejects.toBe(reason);
  await expect.poll(() => running(applicationName)).toHaveLength(1);
  network.manner = "silent";
  controller.abort(reason);
  await Promise.all([settled, idle[Symbol.asyncDispose]()]);
  expect(session.lost.reason).toMatchObject({ code: "SERVER_UNREACHABLE" });
});
