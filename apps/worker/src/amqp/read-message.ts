import { randomUUID } from "node:crypto";
import { repositoryBranchUpdated } from "@headstart/materializer";
import type { ConsumeMessage } from "amqplib";
import { z } from "zod";
import type { Delivery } from "../deliveries/record-deliveries.ts";

/** A hint is a few names. */
const MOST_BYTES = 65_536;

/**
 * What a message says, as a delivery; one that says nothing that can be acted on is a delivery too, so that it is seen.
 * The sender's `messageId` makes a second copy of a message a repeat; without one, each copy counts.
 */
export function readMessage({
  content,
  properties,
}: Pick<ConsumeMessage, "content" | "properties">): Delivery {
  const facts = {
    source: "amqp",
    delivery: nameOf(properties.messageId, 200) ?? randomUUID(),
    event: nameOf(properties.type, 100) ?? "repository-branch-updated",
  };
  const invalid = (reason: string): Delivery => ({
    ...facts,
    outcome: "invalid",
    reason: reason.slice(0, 1_000),
  });
  if (content.length > MOST_BYTES) return invalid(`the message is larger than ${MOST_BYTES} bytes`);
  const json = parse(content);
  if (json === undefined) return invalid("the message is not JSON in UTF-8");
  const result = repositoryBranchUpdated.safeParse(json.value);
  if (!result.success)
    return invalid(`the message is no repository-branch-updated: ${z.prettifyError(result.error)}`);
  const { repository, branch, pushedBy } = result.data;
  return {
    ...facts,
    outcome: "pending",
    repositories: [repository],
    refs: branch === undefined ? [] : [branch.startsWith("refs/heads/") ? branch : `refs/heads/${branch}`],
    pushedBy,
  };
}

function parse(content: Buffer): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content)) };
  } catch {
    return undefined;
  }
}

/** Visible ASCII, as the columns and the page expect of an id. */
function nameOf(value: unknown, longest: number): string | undefined {
  return typeof value === "string" && value.length <= longest && /^[\x21-\x7e]+$/.test(value)
    ? value
    : undefined;
}
