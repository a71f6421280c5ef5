import { EVENT_CHANNEL, HINT_CHANNEL } from "@headstart/materializer";
import type { Bells } from "../worker-context.ts";

/** Wakes whoever applies deliveries, in any worker; the payload is constant. */
export const DELIVERY_CHANNEL = "headstart_worker_deliveries";

/** Which bell a notification rings. */
export const channels: ReadonlyMap<string, keyof Bells> = new Map([
  [HINT_CHANNEL, "hints"],
  [EVENT_CHANNEL, "events"],
  [DELIVERY_CHANNEL, "deliveries"],
]);
