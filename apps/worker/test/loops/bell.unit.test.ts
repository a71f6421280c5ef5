import { expect, test } from "vitest";
import { createBell } from "../../src/loops/bell.ts";
import { pause } from "../../src/loops/pause.ts";

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
  await bell.next(never());
});

test("who comes late waits for the next ring", async () => {
  const bell = createBell();
  bell.ring();
  await bell.next(never());
  const waiting = bell.next(never()).then(() => "woken");
  const later = pause(100, never()).then(() => "twice the echo has passed");
  expect(await Promise.race([waiting, later])).toBe("twice the echo has passed");
  bell.ring();
  expect(await waiting).toBe("woken");
});

test("the end of whoever waits ends the wait", async () => {
  const bell = createBell();
  const ending = new AbortController();
  const waiting = [bell.next(ending.signal), pause(3_600_000, ending.signal, bell)];
  ending.abort();
  await Promise.all(waiting);
  await bell.next(ending.signal);
});
