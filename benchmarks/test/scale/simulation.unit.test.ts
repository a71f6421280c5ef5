import { expect, test } from "vitest";
import { Clock, type Process } from "../../scale/simulation/clock.ts";
import { readCosts } from "../../scale/simulation/costs.ts";
import { oneDatabase } from "../../scale/simulation/deployment.ts";
import { simulate, type Outcome } from "../../scale/simulation/outcome.ts";
import { exponential, seededRandom, zipf } from "../../scale/simulation/random.ts";
import { Shard } from "../../scale/simulation/shard.ts";
import { Station } from "../../scale/simulation/station.ts";
import { WriteAheadLog } from "../../scale/simulation/write-ahead-log.ts";

const measured = readCosts(new URL("../../scale/costs.json", import.meta.url).pathname);

/** Mean milliseconds from arrival to departure of customers who come at random and take random times. */
function meanSojourn({ servers, load }: { servers: number; load: number }): number {
  const clock = new Clock();
  const random = seededRandom(7);
  const station = new Station(clock, servers);
  const customers = 300_000;
  let total = 0;
  function* customer(): Process {
    const came = clock.now;
    yield* station.use(exponential(random, 1));
    total += clock.now - came;
  }
  let at = 0;
  for (let n = 0; n < customers; n += 1) {
    at += exponential(random, 1 / (servers * load));
    clock.after(at, () => clock.start(customer()));
  }
  clock.run(Infinity);
  return total / customers;
}

/** Erlang's formula for as many servers: https://en.wikipedia.org/wiki/M/M/c_queue#Response_time */
function erlang({ servers, load }: { servers: number; load: number }): number {
  const offered = servers * load;
  const term = (k: number): number => (k === 0 ? 1 : (term(k - 1) * offered) / k);
  const last = term(servers) / (1 - load);
  const sum = Array.from({ length: servers }, (_, k) => term(k)).reduce((a, b) => a + b, 0);
  return 1 + last / (sum + last) / (servers * (1 - load));
}

test.each([
  { servers: 1, load: 0.5 },
  { servers: 1, load: 0.8 },
  { servers: 4, load: 0.8 },
  { servers: 16, load: 0.9 },
])("queues are as long as Erlang says: $servers servers, load $load", (queue) => {
  expect(meanSojourn(queue) / erlang(queue)).toBeCloseTo(1, 1);
});

test("things happen in the order of their times, and in that of their planning at the same time", () => {
  const clock = new Clock();
  const random = seededRandom(3);
  const planned = Array.from({ length: 5_000 }, (_, order) => ({ at: Math.floor(random() * 50), order }));
  const happened: typeof planned = [];
  for (const each of planned) clock.after(each.at, () => happened.push(each));
  clock.run(100);
  expect(happened).toEqual(planned.toSorted((a, b) => a.at - b.at || a.order - b.order));
});

test("commits that come during a flush share the next one", () => {
  const clock = new Clock();
  const log = new WriteAheadLog(clock, { flushMs: 10, bytesPerMs: 100 });
  const done: number[] = [];
  function* commit(): Process {
    yield* log.commit(100);
    done.push(clock.now);
  }
  for (let n = 0; n < 5; n += 1) clock.after(n, () => clock.start(commit()));
  clock.run(1_000);
  // The first alone: 10 ms and a millisecond for its bytes. The other four together: 10 and four.
  expect(done).toEqual([11, 25, 25, 25, 25]);
  expect(log.bytesPerSecond).toBe(500);
});

test("repositories are as uneven as Zipf's law", () => {
  const draw = zipf(seededRandom(5), 1_000, 1);
  const counts = new Map<number, number>();
  for (let n = 0; n < 200_000; n += 1) {
    const k = draw();
    counts.set(k, (counts.get(k) ?? 0) + 1);
  }
  expect((counts.get(0) ?? 0) / (counts.get(9) ?? 1)).toBeGreaterThan(9);
  expect((counts.get(0) ?? 0) / (counts.get(9) ?? 1)).toBeLessThan(11);
});

test("a seed gives the same outcome again, and every push is served or waits", () => {
  const once = simulate(oneDatabase, measured, { perSecond: 20, seed: 11, seconds: 10 });
  expect(simulate(oneDatabase, measured, { perSecond: 20, seed: 11, seconds: 10 })).toEqual(once);
  expect(simulate(oneDatabase, measured, { perSecond: 20, seed: 12, seconds: 10 })).not.toEqual(once);

  const shard = new Shard(oneDatabase, measured, 11);
  shard.run(50, { warmupMs: 0, ms: 30_000 });
  const { latencies, lateLatencies, counts, unserved } = shard;
  const building = counts.pushes - latencies.length - lateLatencies.length - unserved;
  // What is neither served nor waiting is being looked at or built at this very moment.
  expect(building).toBeGreaterThanOrEqual(0);
  expect(building).toBeLessThan(100);
});

test("more pushes use more of everything, and fewer workers make them wait", () => {
  const at = (perSecond: number): Outcome =>
    simulate(oneDatabase, measured, { perSecond, seed: 1, seconds: 10 });
  const [few, many] = [at(10), at(80)];
  for (const resource of ["database", "log", "workers", "git", "broker"] as const) {
    expect(many[resource], resource).toBeGreaterThan(few[resource]);
  }
  const poor = { ...oneDatabase, workerMachines: 1, machineProcessors: 1 };
  const slow = simulate(poor, measured, { perSecond: 80, seed: 1, seconds: 10 });
  expect(slow.p99).toBeGreaterThan(10 * many.p99);
  expect(slow.keepsUp).toBe(false);
});
