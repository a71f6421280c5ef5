import type { z } from "zod";
import { MaterializerError } from "../errors.ts";

/**
 * Checks the options of a call, and changes nothing about them: what was given may be read again later.
 *
 * @param call how a caller knows it, such as `claim`
 * @throws MaterializerError `OPTION_INVALID` naming each option, what was given and what is allowed
 */
export function checkOptions(call: string, schema: z.ZodType, given: unknown): void {
  const { error } = schema.safeParse(given);
  if (error === undefined) return;
  const lines = error.issues.map((issue) => {
    const path = issue.path.map(String);
    const name = path.length === 0 ? "the options" : path.join(".");
    return `${name}: ${shown(path, given)} was given; allowed: ${issue.message}.`;
  });
  throw new MaterializerError(
    "OPTION_INVALID",
    `${call} cannot work with its options.\n${lines.join("\n")}`,
    {
      hint: "Correct the named options, or leave them out to have their defaults.",
    },
  );
}

/** What stands at a path. Whatever a credential is by mistake, it is not told. */
function shown(path: readonly string[], given: unknown): string {
  const value = path.reduce<unknown>(
    (at, key) => (typeof at === "object" && at !== null ? (at as Record<string, unknown>)[key] : undefined),
    given,
  );
  if (value === undefined) return "nothing";
  if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value === "string" && path.at(-1) !== "credential") return JSON.stringify(value.slice(0, 100));
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
