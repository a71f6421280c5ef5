import { expect, test } from "vitest";
import { liveStream } from "../../src/status/live-stream.ts";
import { StatusStore } from "../../src/status/status-store.ts";
import type { WorkerRow } from "../../src/status/status-schema.ts";

function worker(id: string, building = 0): WorkerRow {
  const at = "2026-01-01T00:00:00.000Z";
  const rest = { host: "h", pid: 1, version: "1", concurrency: 4, draining: false, failingLoops: [] };
  return { id, building, startedAt: at, seenAt: at, ...rest };
}

function storeOf(...workers: WorkerRow[]): StatusStore {
  const store = new StatusStore({ worker: "w", actions: false });
  store.replace("workers", workers);
  store.commit();
  return store;
}

async function nextEvent(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read();
  return new TextDecoder().decode(value);
}

test("a viewer that reads slowly gets one event for all that happened meanwhile", async () => {
  const store = storeOf(worker("a"));
  const { signal } = new AbortController();
  const since = store.id;
  const reader = liveStream(store, { since, signal, drop: () => undefined }).getReader();
  expect(await nextEvent(reader)).toBe("retry: 2000\n\n");
  for (let building = 1; building <= 1000; building += 1) {
    store.put("workers", worker("a", building));
    store.put("workers", worker(`b${building % 3}`, building));
    store.commit();
  }
  store.remove("workers", "b1");
  store.commit();
  const text = await nextEvent(reader);
  const data = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? "") as {
    workers: { set: WorkerRow[]; gone: string[] };
  };
  expect(Object.fromEntries(data.workers.set.map(({ id, building }) => [id, building]))).toEqual({
    a: 1000,
    b0: 999,
    b2: 998,
  });
  expect(data.workers.gone).toEqual(["b1"]);
  await reader.cancel();
});

test("whoever is further behind than is remembered begins anew", async () => {
  const store = storeOf(worker("a"));
  const since = store.id;
  for (let building = 1; building <= 2_001; building += 1) {
    store.put("workers", worker("a", building));
    store.commit();
  }
  expect(store.changesSince(since)).toBeUndefined();
  const { signal } = new AbortController();
  const reader = liveStream(store, { since, signal, drop: () => undefined }).getReader();
  await nextEvent(reader);
  expect(await nextEvent(reader)).toMatch(/^event: reset\n/);
  await reader.cancel();
});

test("a change of more than a quarter of many rows is none: the whole status is read instead", async () => {
  const many = Array.from({ length: 4_000 }, (_, n) => worker(`w${n}`));
  const store = storeOf(...many);
  const since = store.id;
  const build = (rows: readonly WorkerRow[]): void => {
    for (const { id } of rows) store.put("workers", worker(id, 1));
    store.commit();
  };
  build(many.slice(0, 1_000));
  expect(store.changesSince(since)).toContain('"w999"');
  build(many.slice(1_000, 1_001));
  expect(store.changesSince(since)).toBeUndefined();
  const { signal } = new AbortController();
  const reader = liveStream(store, { since, signal, drop: () => undefined }).getReader();
  await nextEvent(reader);
  expect(await nextEvent(reader)).toMatch(/^event: reset\n/);
  await reader.cancel();
});

test("few rows are a change, whatever share of all they are", () => {
  const few = Array.from({ length: 500 }, (_, n) => worker(`w${n}`));
  const store = storeOf(...few);
  const since = store.id;
  store.replace(
    "workers",
    few.map(({ id }) => worker(id, 1)),
  );
  store.commit();
  expect(store.changesSince(since)).toContain('"w499"');
});

test("a quiet stream beats, and one whose viewer takes nothing is dropped", async () => {
  const store = storeOf(worker("a"));
  const { signal } = new AbortController();
  const dropped = new Promise<void>((resolve) => {
    const options = { since: store.id, signal, beatMs: 5, stallMs: 50, drop: resolve };
    const reader = liveStream(store, options).getReader();
    void (async () => {
      await nextEvent(reader);
      expect(await nextEvent(reader)).toMatch(/^event: beat\n/);
      // And never reads again.
    })();
  });
  await dropped;
});

test("when the worker ends, a viewer that takes nothing any more does not keep it", async () => {
  const store = storeOf(worker("a"));
  const ending = new AbortController();
  await new Promise<void>((resolve) => {
    const options = { since: undefined, signal: ending.signal, graceMs: 20, drop: resolve };
    const reader = liveStream(store, options).getReader();
    // And never reads again.
    void nextEvent(reader).then(() => ending.abort());
  });
});

test("equal rows are no change, and nothing is visible before it is committed", () => {
  const store = storeOf(worker("a"));
  const { id } = store;
  store.put("workers", worker("a"));
  expect(store.commit()).toBe(false);
  store.put("workers", worker("b"));
  expect(store.id).toBe(id);
  expect(JSON.parse(store.snapshot())).toMatchObject({ id, worker: "w", actions: false });
  expect(store.commit()).toBe(true);
  expect(store.id).not.toBe(id);
  expect(JSON.parse(store.snapshot())).toMatchObject({ workers: [{ id: "a" }, { id: "b" }] });
});

test("waiting for a change ends with it, or with the signal, and leaves nothing behind", async () => {
  const store = storeOf(worker("a"));
  const waiting = store.changed(store.id, new AbortController().signal);
  store.put("workers", worker("b"));
  store.commit();
  await waiting;
  const aborted = new AbortController();
  const other = store.changed(store.id, aborted.signal);
  aborted.abort();
  await other;
});
