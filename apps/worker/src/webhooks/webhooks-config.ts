import { z } from "zod";
import { secretSource } from "../config/secret-source.ts";

/** Which forges may post, by the last part of their path: `/webhooks/:source`. */
export const webhooksConfig = z.strictObject({
  /** A larger body is refused. Default 25 MiB, the most that GitHub sends. */
  maxBodyBytes: z.int().positive().default(26_214_400),
  sources: z
    .record(
      z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "expected lower-case letters, digits and hyphens"),
      z.strictObject({
        forge: z.enum(["github", "gitlab", "gitea", "bitbucket-cloud", "bitbucket-data-center"]),
        /** One, or two while the secret is being replaced. */
        secrets: z.array(secretSource).min(1, "expected at least one secret").max(2, "expected at most two"),
      }),
    )
    .default({}),
});
