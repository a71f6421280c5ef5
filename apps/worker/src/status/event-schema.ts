import { z } from "zod";

/**
 * What the page keeps of a materializer event. Read leniently: a newer worker may already write events that this one
 * does not know, and they must not stop its read model.
 */
export const branchEvent = z.object({
  position: z.number(),
  type: z.string(),
  at: z.string(),
  repository: z.string(),
  branch: z.string(),
  commit: z.string().nullable(),
  version: z.string().nullable(),
  previousCommit: z.string().nullable(),
  code: z.string().nullable(),
  reason: z.string().nullable(),
  /** How many paths changed; null when there was nothing to compare with. */
  changed: z.number().nullable(),
});
export type BranchEvent = z.infer<typeof branchEvent>;
