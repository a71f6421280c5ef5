import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { settleAfterAbort } from "../../src/prepare/settle-after-abort.ts";

const reason = new Error("too late");
const never = new Promise<never>(() => undefined);

test("work that ends is waited for, also after an abort, while it cleans up", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  expect(await settleAfterAbort(Promise.resolve("done"), signal)).toBe("done");
  expect(getEventListeners(signal, "abort")).toEqual([]);
  let cleanedUp = false;
  const cleaning = (async () => {
    await new Promise((resolve) => setImmediate(resolve));
    cleanedUp = true;
    throw reason;
  })();
  controller.abort(reason);
  await expect(settleAfterAbort(cleaning, signal)).rejects.toBe(reason);
  expect(cleanedUp).toBe(true);
});

test("work that never ends is left to itself a while after the abort", async () => {
  const controller = new AbortController();
  const settling = settleAfterAbort(never, controller.signal, 10);
  controller.abort(reason);
  await expect(settling).rejects.toBe(reason);
  await expect(settleAfterAbort(never, AbortSignal.abort(reason), 10)).rejects.toBe(reason);
});
