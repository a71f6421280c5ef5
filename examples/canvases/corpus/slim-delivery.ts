export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** Keys that name people and places, of which an identity is enough. */
const userKeys = ["id", "login", "type"];
const repositoryKeys = ["id", "name", "full_name", "private", "default_branch"];

/**
 * What canvases keeps of a delivery: everything GitHub says about the subject, without the hypermedia links, and
 * of each user and repository only who it is. That is about a fifth of the bytes.
 */
export function slimDelivery(body: JsonObject): JsonObject {
  return slimObject(body);
}

function slim(value: Json): Json {
  if (Array.isArray(value)) return value.map(slim);
  return value !== null && typeof value === "object" ? slimObject(value as JsonObject) : value;
}

function slimObject(object: JsonObject): JsonObject {
  if ("login" in object) return only(object, userKeys);
  if ("full_name" in object) return only(object, repositoryKeys);
  const kept = Object.entries(object).filter(([key]) => !isLink(key) && key !== "node_id");
  return Object.fromEntries(kept.map(([key, value]) => [key, slim(value)]));
}

function isLink(key: string): boolean {
  return key === "url" || key === "_links" || (key.endsWith("_url") && key !== "html_url");
}

function only(object: JsonObject, keys: readonly string[]): JsonObject {
  const kept = keys.filter((key) => object[key] !== undefined);
  return Object.fromEntries(kept.map((key) => [key, object[key] as Json]));
}
