import type { z } from "zod";

/**
 * A line for each wrong key: its path, what was expected there and of what kind the value is. Values are never
 * shown: what stands in a wrong place is a secret as often as not.
 */
export function explainIssues(error: z.ZodError, value: unknown): string[] {
  return error.issues.flatMap((issue) => explain(issue, value));
}

function explain(issue: z.core.$ZodIssue, value: unknown): string[] {
  const place = pathText(issue.path);
  const got = `got ${kindOf(valueAt(value, issue.path))}`;
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => `${pathText([...issue.path, key])}: there is no such key`);
    case "invalid_type":
      return [`${place}: expected ${typeWords[issue.expected] ?? issue.expected}, ${got}`];
    case "invalid_value":
      return [`${place}: expected ${issue.values.map((one) => JSON.stringify(one)).join(" or ")}, ${got}`];
    case "invalid_key":
      return [`${place}: ${issue.issues[0]?.message ?? "expected another name"}`];
    default:
      return [`${place}: ${issue.message}${issue.code === "custom" ? "" : `, ${got}`}`];
  }
}

const typeWords: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};

/** `repositories[0].credential.password` */
export function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "the whole file";
  return path
    .map((step) => {
      if (typeof step === "number") return `[${step}]`;
      const key = String(step);
      return /^[A-Za-z_$][\w$-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
    })
    .join("")
    .replace(/^\./, "");
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, step) =>
      typeof inner === "object" && inner !== null ? (inner as Record<PropertyKey, unknown>)[step] : undefined,
    value,
  );
}

function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "number") return String(value);
  if (typeof value === "boolean") return String(value);
  const words = { string: "a text", object: "an object", function: "a function" };
  return words[typeof value as keyof typeof words] ?? `a ${typeof value}`;
}
