import type { Facts } from "./activity.ts";
import { patchOf } from "./patches.ts";
import type { Json, JsonObject } from "./slim-delivery.ts";

/** Who and when; the rest of a delivery follows from its facts. */
export interface Occasion {
  readonly event: string;
  readonly action: string | undefined;
  /** As GitHub writes it, for example `2024-01-01T09:30:00Z`. */
  readonly occurredAt: string;
  readonly repository: { readonly id: number; readonly fullName: string } | undefined;
  readonly actor: { readonly id: number; readonly login: string } | undefined;
  readonly facts: Facts;
}

/**
 * The body of the delivery that tells of this occasion: the example's, with its people, places, numbers, moments
 * and texts exchanged. A pure function, so a body that was thrown away can be had again.
 */
export function deliver(example: JsonObject, occasion: Occasion): JsonObject {
  const body: Record<string, Json> = { ...example, ...identities(example, occasion) };
  if (occasion.action !== undefined) body["action"] = occasion.action;
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
