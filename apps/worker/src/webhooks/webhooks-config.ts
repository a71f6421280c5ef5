import { z } from "zod";
import { secretSource } from "../config/secret-source.ts";
import { waitMs } from "../config/times.ts";

export const forgeNames = ["github", "gitlab", "gitea", "bitbucket-cloud", "bitbucket-data-center"] as const;
export type ForgeName = (typeof forgeNames)[number];

const source = z.strictObject({
  /** `gitea` is Forgejo's too. */
  forge: z.enum(forgeNames),
  /** Any of them is accepted, so that one can be replaced by the next without a gap. */
  secrets: z
    .array(secretSource)
    .min(1, "expected at least one secret: unsigned webhooks are not taken")
    .max(4, "expected at most four secrets"),
});

export const webhooksConfig = z.strictObject({
  /** A larger body is refused before it is read. GitHub sends at most 25 MiB. */
  maxBodyBytes: z.int().min(1024, "expected at least 1024").default(26_214_400),
  /** Milliseconds a sender may take for its body. */
  bodyTimeoutMs: waitMs(100).default(10_000),
  /** By the name that stands in the path: `POST /webhooks/<name>`. */
  sources: z
    .record(
      z
        .string()
        .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "expected a name of lower-case letters, digits and hyphens")
        .refine((name) => name !== "amqp", "expected another name: amqp stands for messages"),
      source,
    )
    .default({}),
});
export type WebhooksConfig = z.output<typeof webhooksConfig>;
