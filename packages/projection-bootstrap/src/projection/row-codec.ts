import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { ProjectionError } from "../errors.ts";
import type { Projection } from "./define-projection.ts";

/** A stored row as a state. Throws what JSON or the schema say when it is none. */
export function decodeRow({ definition }: Projection, json: string): unknown {
  return definition.schema.parse(JSON.parse(json));
}

/**
 * A state as it is stored. What comes back must be what went in: otherwise the rows that one process folds in
 * memory and the rows that another one loads would differ.
 */
export function encodeRow(projection: Projection, key: string, state: unknown): string {
  const json = JSON.stringify(state) as string | undefined;
  if (json !== undefined) {
    const result = projection.definition.schema.safeParse(JSON.parse(json));
    if (result.success && isSame(result.data, state)) return json;
  }
  throw new ProjectionError(
    "STATE_NOT_PLAIN",
    `the row ${JSON.stringify(key)} of ${projection.name} is not the same after it was stored and read`,
    {
      hint: "make apply return what the schema says, from plain JSON values only: no undefined, Date, Map or bigint",
    },
  );
}

function isSame(stored: unknown, state: unknown): boolean {
  return isDeepStrictEqual(stored, state) || isDeepStrictEqual(stored, withoutMinusZero(state));
}

/** JSON has one zero, and the two that numbers have are equal. */
function withoutMinusZero(value: unknown): unknown {
  if (value === 0) return 0;
  if (Array.isArray(value)) return value.map(withoutMinusZero);
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withoutMinusZero(each)]));
}

/** The same text for equal rows, whatever the order of their properties. */
export function canonicalRow(state: unknown): string {
  return JSON.stringify(state, (_name, value: unknown) => {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** Equal for equal rows. */
export function digestOfRow(state: unknown): string {
  return createHash("sha1").update(canonicalRow(state)).digest("base64");
}
