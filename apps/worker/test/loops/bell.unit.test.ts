import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createBell } from "../../src/loops/bell.ts";
import { pause } from "../../src/loops/pause.ts";

/** Longer than a ring echoes. */
const SILENCE_MS = 1000;

beforeEach(() => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => vi.useRealTimers());

const never = (): AbortSignal => new AbortController().signal;

test("a ring wakes everybody who waits", async () => {
  const bell = createBell();
  const waiting = [bell.next(never()), bell.next(never()), pause(3_600_000, never(), bell)];
  bell.ring();
  await Promise.all(waiting);
});

test("who comes to wait just after a ring is woken by its echo", async () => {
  const bell = createBell();
  bell.ring();
  const waiting = bell.next(never());
  vi.advanceTimersByTime(SILENCE_MS);
  await waiting;
});

test("an echo that comes early, because the loop was held up, does not end the echo", async () => {
  const bell = createBell();
  bell.ring();
  const now = performance.now();
  const clock = vi.spyOn(performance, "now").mockReturnValue(now);
  vi.runOnlyPendingTimers();
  clock.mockRestore();
  const waiting = bell.next(never());
  vi.advanceTimersByTime(SILENCE_MS);
  await waiting;
});

test("who comes late waits for the next ring", async () => {
  const bell = createBell();
  bell.ring();
  vi.advanceTimersByTime(SILENCE_MS);
  let woken = false;
  const waiting = bell.next(never()).then(() => (woken = true));
  await vi.advanceTimersByTimeAsync(SILENCE_MS);
  expect(woken).toBe(false);
  bell.ring();
  await waiting;
  await vi.advanceTimersByTimeAsync(SILENCE_MS);
  expect(vi.getTimerCount()).toBe(0);
});

test("the end of whoever waits ends the wait", async () => {
  const bell = createBell();
  const ending = new AbortController();
  const waiting = [bell.next(ending.signal), pause(3_600_000, ending.signal, bell)];
  ending.abort();
  await Promise.all(waiting);
  await bell.next(ending.signal);
});
