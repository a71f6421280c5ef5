import type { StoredEvent } from "@headstart/projection-bootstrap";
import { z } from "zod";
import type { BranchEvent } from "./event-schema.ts";

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

/** An event of the log as the page keeps it. */
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
