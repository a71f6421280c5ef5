import pg from "pg";
import { expect, onTestFinished, test, vi } from "vitest";
import { deliveryMetrics } from "../../src/deliveries/delivery-metrics.ts";
import { metricsRoutes } from "../../src/http/metrics-routes.ts";
import { createLog } from "../../src/log.ts";
import { createLoopBoard } from "../../src/loops/loop-board.ts";
import { createMetrics } from "../../src/metrics/metrics.ts";
import { openMuteProxy } from "../support/mute-proxy.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

const surveyed = /^headstart_worker_(branches|queue_depth|lag_seconds)/m;

/** `/metrics` of a process whose way to the database can be cut; its clock goes only when the test says so. */
async function scraped() {
  const database = await scratchDatabase();
  const proxy = await openMuteProxy(database.url);
  const db = new pg.Pool({
    connectionString: proxy.url,
    connectionTimeoutMillis: 3_000,
    query_timeout: 3_000,
  });
  db.on("error", () => undefined);
  onTestFinished(async () => {
    await proxy[Symbol.asyncDispose]();
    await db.end();
    await database[Symbol.asyncDispose]();
  });
  const metrics = createMetrics();
  const log = createLog({ write: () => undefined, redact: (text) => text });
  const loops = createLoopBoard({ log, metrics });
  deliveryMetrics(metrics.registry, db);
  const routes = metricsRoutes({ db, metrics, loops });
  const clock = { now: 0 };
  const now = vi.spyOn(performance, "now").mockImplementation(() => clock.now);
  onTestFinished(() => {
    now.mockRestore();
  });
  return { db, proxy, loops, clock, scrape: async () => await (await routes.request("/metrics")).text() };
}

test("it answers while the database says nothing, and only what the database knows is missing", async () => {
  const { db, proxy, clock, scrape } = await scraped();
  const before = await scrape();
  expect(before).toMatch(surveyed);
  expect(before).toContain("headstart_worker_deliveries_pending 0");
  proxy.silent = true;
  clock.now += 60_000;
  const began = Date.now();
  for (const text of await Promise.all([scrape(), scrape(), scrape()])) {
    expect(text).not.toMatch(surveyed);
    expect(text).toContain("headstart_worker_deliveries_pending Nan");
    expect(text).toContain('headstart_worker_loop_healthy{loop="survey"}');
    expect(text).toContain("process_resident_memory_bytes");
  }
  // Prometheus gives up after ten seconds.
  expect(Date.now() - began).toBeLessThan(8_000);
  // However often it was scraped: one query for each of both.
  expect(db.totalCount).toBeLessThanOrEqual(2);
});

test("nothing is said of a database that is gone, however fresh the last look is, and all of it once it is back", async () => {
  const { proxy, clock, scrape } = await scraped();
  expect(await scrape()).toMatch(surveyed);
  expect(await scrape()).toMatch(surveyed);
  proxy.silent = true;
  expect(await scrape()).not.toMatch(surveyed);
  proxy.silent = false;
  const later = async (): Promise<string> => {
    clock.now += 6_000;
    return await scrape();
  };
  await expect.poll(later, { interval: 50, timeout: 20_000 }).toMatch(surveyed);
});

test("a look that failed after minutes is repeated seconds later, not twenty times as late", async () => {
  const { proxy, loops, clock, scrape } = await scraped();
  expect(await scrape()).toMatch(surveyed);
  proxy.silent = true;
  clock.now += 60_000;
  const blind = scrape();
  clock.now += 125_000;
  expect(await blind).not.toMatch(surveyed);
  const healthy = (): boolean | undefined => loops.report()[0]?.healthy;
  await expect.poll(healthy, { interval: 10, timeout: 10_000 }).toBe(false);
  proxy.silent = false;
  clock.now += 6_000;
  expect(await scrape()).toMatch(surveyed);
  expect(healthy()).toBe(true);
});
