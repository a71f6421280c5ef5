import { z } from "zod";
import { secretSource } from "../config/secret-source.ts";

/** Names of exchanges and queues: what every client can write, and short enough for the names made from them. */
const name = z
  .string()
  .regex(/^[\w.:-]{1,128}$/, "expected at most 128 letters, digits, dots, colons, hyphens and underscores");

export const amqpConfig = z.strictObject({
  /** `amqp://user:password@host/vhost`, or `amqps://`. */
  url: secretSource,
  /** The topic exchange that events are published to, and where senders may leave messages. */
  exchange: name.default("headstart"),
  /** The queue of `repository-branch-updated` messages. What nobody can act on goes to `<queue>.dead`. */
  queue: name.default("headstart.repository-branch-updated"),
  /** Messages this worker holds at a time. */
  prefetch: z.int().min(1, "expected at least 1").max(1_000, "expected at most 1000").default(100),
});
export type AmqpConfig = z.output<typeof amqpConfig>;
