import type { z } from "zod";
import type { KeyPath } from "./json.ts";
import { describePath } from "./source-node.ts";

type Issue = z.core.$ZodIssue;

/** What a schema refused, said for a person: where it is, and whether the key or the value is meant. */
export interface SchemaProblem {
  path: KeyPath;
  at: "key" | "value";
  code: string;
  message: string;
}

/** `input` is what the schema was given: it tells a value that is missing from one that is wrong. */
export function describeZodIssue(issue: Issue, input: unknown, prefix: KeyPath = []): SchemaProblem[] {
  const path = [...prefix, ...issue.path.map((step) => (typeof step === "symbol" ? String(step) : step))];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const whole = [...path, key];
      return {
        path: whole,
        at: "key",
        code: "schema-unknown-key",
        message: `${describePath(whole)} is no known key`,
      };
    });
  }
  if (issue.code === "invalid_key" || (issue.code === "invalid_element" && issue.issues.length > 0)) {
    const why = issue.issues.map(({ message }) => message).join("; ");
    const at = issue.code === "invalid_key" ? "key" : "value";
    return [{ path, at, code: code(issue), message: `${describePath(path)}: ${issue.message}: ${why}` }];
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    return describeUnion(issue.errors, input, path);
  }
  if (!isThere(input, path)) {
    const expected = expectation(issue);
    return [
      { path, at: "value", code: "schema-missing", message: `${describePath(path)} is missing${expected}` },
    ];
  }
  return [{ path, at: "value", code: code(issue), message: `${describePath(path)}: ${issue.message}` }];
}

/** The alternative that the value got furthest into is most likely the one that was meant. */
function describeUnion(
  alternatives: readonly (readonly Issue[])[],
  input: unknown,
  path: KeyPath,
): SchemaProblem[] {
  const reached = alternatives.map((issues) => Math.min(...issues.map((issue) => issue.path.length)));
  const furthest = Math.max(...reached);
  if (furthest > 0) {
    const meant = alternatives[reached.indexOf(furthest)]!;
    return meant.flatMap((issue) => describeZodIssue(issue, input, path));
  }
  const whole = describePath(path);
  if (!isThere(input, path)) {
    return [{ path, at: "value", code: "schema-missing", message: `${whole} is missing` }];
  }
  const reasons = alternatives.flatMap((issues) => issues.filter((issue) => issue.path.length === 0));
  const messages = [...new Set(reasons.map(({ message }) => message))].join("; or: ");
  return [{ path, at: "value", code: "schema-invalid-union", message: `${whole}: ${messages}` }];
}

function expectation(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return `: expected ${issue.expected}`;
    case "invalid_value":
      return `: expected ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}`;
    default:
      return "";
  }
}

function isThere(input: unknown, path: KeyPath): boolean {
  let value = input;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) {
      return false;
    }
    value = (value as Record<string | number, unknown>)[step];
  }
  return true;
}

/** `too_small` to `schema-too-small`. */
function code(issue: Issue): string {
  return `schema-${issue.code.replaceAll("_", "-")}`;
}
