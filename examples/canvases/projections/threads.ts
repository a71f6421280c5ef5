import { defineProjection } from "@headstart/projection-bootstrap";
import { z } from "zod";
import { type DeliveryEvent, textFact } from "./delivery-event.ts";

const threadState = z.object({
  repository: z.number().nullable(),
  /** Null for replies to what was opened before the log began. */
  title: z.string().nullable(),
  text: z.string(),
  /** Texts that it was made of. */
  entries: z.number(),
  updatedAt: z.string(),
});

export type ThreadState = z.infer<typeof threadState>;

/**
 * What people wrote about one thing, one text after the other, by its stream. An event that were applied twice or left
 * out would show in the text for good: the fold is not idempotent.
 */
export const threads = defineProjection<ThreadState, DeliveryEvent>({
  name: "threads",
  source: import.meta.url,
  types: [
    "issues.opened",
    "pull_request.opened",
    "discussion.created",
    "release.created",
    "issue_comment.created",
    "issue_comment.edited",
    "issue_comment.deleted",
    "discussion_comment.created",
    "discussion_comment.edited",
    "discussion_comment.deleted",
    "pull_request_review.submitted",
  ],
  key: (event) => (written(event) === undefined ? undefined : event.stream),
  schema: threadState,
  init: () => ({ repository: null, title: null, text: "", entries: 0, updatedAt: "" }),
  apply: ({ repository, title, text, entries }, event) => ({
    repository: repository ?? event.data.repository,
    title: title ?? textFact(event, "title") ?? null,
    text: entries === 0 ? (written(event) ?? "") : `${text}\n\n${written(event)}`,
    entries: entries + 1,
    updatedAt: event.recordedAt.toISOString(),
  }),
});

function written(event: DeliveryEvent): string | undefined {
  return textFact(event, "body") ?? textFact(event, "reply");
}
