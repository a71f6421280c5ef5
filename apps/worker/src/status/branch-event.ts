import type { StoredEvent } from "@headstart/projection-bootstrap";
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

const text = z.string().nullable().catch(null);
const message = z.object({
  repository: z.string().catch(""),
  branch: z.string().catch(""),
  oid: text,
  version: text,
  previousOid: text,
  code: text,
  reason: text,
  changedPaths: z.array(z.unknown()).nullable().catch(null),
});

/** Longest reason kept with an event, in characters; the whole one is in the log. */
const REASON_LENGTH = 400;

export function readBranchEvent({ version: position, type, data, recordedAt }: StoredEvent): BranchEvent {
  const facts = message.catch(message.parse({})).parse(data);
  return {
    position,
    type,
    at: recordedAt.toISOString(),
    repository: facts.repository,
    branch: facts.branch.replace(/^refs\/heads\//, ""),
    commit: facts.oid,
    version: facts.version,
    previousCommit: facts.previousOid,
    code: facts.code,
    reason: facts.reason?.slice(0, REASON_LENGTH) ?? null,
    changed: facts.changedPaths?.length ?? null,
  };
}
