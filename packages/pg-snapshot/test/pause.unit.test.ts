import { expect, test } from "vitest";
import { pause } from "../src/pause.ts";

test("an abort ends a pause with the signal's own reason", async () => {
  const reason = new Error("enough");
  const controller = new AbortController();
  const pausing = pause(3_600_000, controller.signal);
  controller.abort(reason);
  await expect(pausing).rejects.toBe(reason);
  await expect(pause(3_600_000, AbortSignal.abort(reason))).rejects.toBe(reason);
  await pause(0, new AbortController().signal);
});
