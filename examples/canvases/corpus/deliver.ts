import type { Facts } from "./activity.ts";
import { patchOf } from "./patches.ts";
import { createRandom } from "./random.ts";
import type { Corpus } from "./read-corpus.ts";
import type { Json, JsonObject } from "./slim-delivery.ts";

/** Who and when; the rest of a delivery follows from its facts. */
export interface Occasion {
  readonly event: string;
  /** Which thing it is about. */
  readonly stream: string;
  readonly action: string | undefined;
  /** As GitHub writes it, for example `2024-01-01T09:30:00Z`. */
  readonly occurredAt: string;
  readonly repository: { readonly id: number; readonly fullName: string } | undefined;
  readonly actor: { readonly id: number; readonly login: string } | undefined;
  /** What it says, and what the first event of its stream said. */
  readonly facts: Facts;
}

/**
 * The body of the delivery that tells of this occasion: that of an example in the corpus, with its people, places,
 * numbers, moments and texts exchanged. A pure function, so a body that was thrown away can be had again.
 */
export function deliver(corpus: Corpus, occasion: Occasion): JsonObject {
  const { event, stream, action, occurredAt, repository } = occasion;
  const examples = corpus.examplesOf({ event, action, local: repository !== undefined });
  const example = createRandom(`${stream} at ${occurredAt}`).pick(examples).body;
  const body: Record<string, Json> = { ...example, ...identities(example, occasion) };
  if (action !== undefined) body["action"] = action;
  for (const [key, value] of Object.entries(patchOf(occasion))) {
    const given = example[key];
    body[key] = isObject(given) && isObject(value) ? { ...given, ...value } : value;
  }
  return body;
}

function identities(example: JsonObject, { repository, actor }: Occasion): JsonObject {
  const known: Record<string, Json> = {};
  if (repository && "repository" in example) {
    const [owner, name] = repository.fullName.split("/") as [string, string];
    known["repository"] = { id: repository.id, name, full_name: repository.fullName, default_branch: "main" };
    if ("organization" in example) known["organization"] = { login: owner };
  }
  if (actor && "sender" in example) known["sender"] = { id: actor.id, login: actor.login, type: "User" };
  return known;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
