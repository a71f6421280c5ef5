import { EVENT_CHANNEL, HINT_CHANNEL } from "@headstart/materializer";
import { expect, onTestFinished, test, vi } from "vitest";
import { openSecrets } from "../../src/config/secrets.ts";
import { createLog } from "../../src/log.ts";
import { createBell } from "../../src/loops/bell.ts";
import { DELIVERY_CHANNEL } from "../../src/loops/channels.ts";
import { runListener } from "../../src/loops/listen.ts";
import { createLoopBoard } from "../../src/loops/loop-board.ts";
import { createMetrics } from "../../src/metrics/metrics.ts";
import type { WorkerConfig } from "../../src/config/config-schema.ts";
import type { Bells } from "../../src/worker-context.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

function listening(url: string, bells: Bells) {
  const log = createLog({ write: () => undefined, redact: (text) => text });
  return {
    loops: createLoopBoard({ log, metrics: createMetrics() }),
    bells,
    config: { database: { env: "URL" } } as WorkerConfig,
    secrets: openSecrets({ URL: url }),
    worker: "test:1",
  };
}

test("each channel rings its bell, and a connection that is lost is opened again and makes up for what it missed", async () => {
  await using database = await scratchDatabase({ migrated: false });
  const { db, url } = database;
  const rung = { hints: 0, events: 0, deliveries: 0 };
  const counting = (name: keyof typeof rung) => {
    const bell = createBell();
    return { ...bell, ring: () => void (rung[name] += 1) };
  };
  const ending = new AbortController();
  const context = listening(url, {
    hints: counting("hints"),
    events: counting("events"),
    deliveries: counting("deliveries"),
  });
  const { loops } = context;
  const running = runListener(context, ending.signal);
  const sessions = async (): Promise<number> =>
    (
      await db.query(
        "select from pg_stat_activity where application_name = 'headstart-worker test:1' and datname = current_database()",
      )
    ).rowCount ?? 0;
  await expect.poll(() => rung, { interval: 10 }).toEqual({ hints: 1, events: 1, deliveries: 1 });
  for (const channel of [HINT_CHANNEL, EVENT_CHANNEL, EVENT_CHANNEL, DELIVERY_CHANNEL, "something_else"])
    await db.query("select pg_notify($1, '')", [channel]);
  await expect.poll(() => rung, { interval: 10 }).toEqual({ hints: 2, events: 3, deliveries: 2 });

  await db.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'headstart-worker test:1'",
  );
  await expect
    .poll(() => rung, { interval: 10, timeout: 20_000 })
    .toEqual({ hints: 3, events: 4, deliveries: 3 });
  expect(loops.report()).toMatchObject([{ loop: "listen", healthy: true }]);
  await db.query("select pg_notify($1, '')", [HINT_CHANNEL]);
  await expect.poll(() => rung.hints, { interval: 10 }).toBe(4);
  ending.abort();
  await running;
  await expect.poll(sessions, { interval: 10 }).toBe(0);
});

test("hours in which nothing is announced do not make it stuck, since the probe was answered", async () => {
  await using database = await scratchDatabase({ migrated: false });
  let clock = 0;
  const now = vi.spyOn(performance, "now").mockImplementation(() => clock);
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => {
    vi.useRealTimers();
    now.mockRestore();
  });
  const ending = new AbortController();
  const bells = { hints: createBell(), events: createBell(), deliveries: createBell() };
  const context = listening(database.url, bells);
  const rang = bells.deliveries.next(ending.signal);
  const running = runListener(context, ending.signal);
  await rang;
  const stuck = (): boolean | undefined => context.loops.report()[0]?.stuck;
  for (let hours = 0; hours < 3; hours += 1) {
    clock += 60 * 60_000;
    expect(stuck()).toBe(true);
    vi.advanceTimersByTime(20_000);
    await expect.poll(stuck, { interval: 10 }).toBe(false);
  }
  ending.abort();
  await running;
  expect(context.loops.report()).toEqual([]);
});
