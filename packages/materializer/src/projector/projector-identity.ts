import { createHash } from "node:crypto";
import { z } from "zod";
import { readerRevision } from "../documents/parse-document.ts";
import type { KindOptions, Kinds } from "./kinds.ts";
import { ProjectorDefinitionError } from "./projector-definition-error.ts";

export interface IdentityInput {
  readonly name: string;
  readonly revision: string;
  readonly policy: string;
  readonly kinds: Kinds;
  readonly required: readonly string[];
}

/**
 * Hex SHA-256 of what decides a projection: code is in it only through `revision`, and so are checks that JSON Schema
 * cannot express (`refine`, `trim`, …).
 */
export function projectorIdentity({ name, revision, policy, kinds, required }: IdentityInput): string {
  const described = Object.entries(kinds).map(([kind, options]) => ({
    kind,
    match: [options.match].flat(),
    format: options.format,
    reads: jsonSchema(kind, options, "input"),
    gives: jsonSchema(kind, options, "output"),
  }));
  const content = {
    readerRevision,
    name,
    revision,
    policy,
    kinds: described,
    required: [...required].sort(),
  };
  return createHash("sha256")
    .update(JSON.stringify(sorted(content)))
    .digest("hex");
}

function jsonSchema(kind: string, { schema }: KindOptions, io: "input" | "output"): unknown {
  try {
    return z.toJSONSchema(schema, { io });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ProjectorDefinitionError(
      `the schema of kind ${kind} has no JSON Schema: ${why}`,
      "documents are stored as JSON: describe the file as it is written, and convert dates, maps and the like in assemble",
      error,
    );
  }
}

/** The order in which a schema names its properties, or those it requires, decides nothing. */
function sorted(value: unknown, name?: string): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => sorted(item));
    return name === "required" ? items.sort((a, b) => (String(a) < String(b) ? -1 : 1)) : items;
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item, key)]));
}
