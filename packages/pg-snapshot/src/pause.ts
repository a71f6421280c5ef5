import { setTimeout as delay } from "node:timers/promises";

/** Waits so many milliseconds. An abort ends it with the signal's own reason, which `node:timers` would wrap. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
