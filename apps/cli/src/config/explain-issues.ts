import { z } from "zod";
import { closest } from "../suggest.ts";

/**
 * What is wrong with a configuration, a line for each wrong key: its path, what was expected there and what was
 * found.
 */
export function explainIssues(schema: z.ZodType, error: z.ZodError, value: unknown): string[] {
  return error.issues.flatMap((issue) => explain(issue, { schema, value }));
}

interface Subject {
  readonly schema: z.ZodType;
  readonly value: unknown;
}

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

function explain(issue: Issue, subject: Subject): string[] {
  const { path } = issue;
  const got = `got ${describeValue(valueAt(subject.value, path), path)}`;
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey(key, path, subject.schema));
    case "invalid_type":
      return [`${pathText(path)}: expected ${typeWords[issue.expected] ?? issue.expected}, ${got}`];
    case "invalid_value":
      return [
        `${pathText(path)}: expected ${issue.values.map((one) => JSON.stringify(one)).join(" or ")}, ${got}`,
      ];
    case "invalid_union":
      return explainUnion(issue, subject) ?? [`${pathText(path)}: ${issue.message}, ${got}`];
    default: {
      const expected = issue.message.startsWith("expected") ? issue.message : `expected ${issue.message}`;
      return [`${pathText(path)}: ${expected}, ${got}`];
    }
  }
}

/** What is wrong within the one branch that was meant; `undefined` when none or several could have been. */
function explainUnion(issue: Issue & { code: "invalid_union" }, subject: Subject): string[] | undefined {
  const meant = issue.errors.filter((branch) => branch.every((inner) => !isOtherKind(inner)));
  const [branch] = meant;
  if (branch === undefined) return undefined;
  const located = meant.map((issues) =>
    issues.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })),
  );
  if (meant.length === 1) return located[0]?.flatMap((inner) => explain(inner, subject));
  // Several kinds of object: the one of which every key is known was meant.
  const known = located.find((issues) => issues.every(({ code }) => code !== "unrecognized_keys"));
  if (known) return known.flatMap((inner) => explain(inner, subject));
  const keys = Object.keys((valueAt(subject.value, issue.path) ?? {}) as object);
  return [
    `${pathText(issue.path)}: ${issue.message}, got { ${keys.join(", ")} }${suggestion(keys[0], issue.path, subject.schema)}`,
  ];
}

/** Whether the value is not even of the branch's kind, such as a text where the branch is an object. */
function isOtherKind({ path, code }: Issue): boolean {
  return path.length === 0 && code !== "unrecognized_keys";
}

function unknownKey(key: string, path: Path, schema: z.ZodType): string {
  const known = keysAt(schema, path);
  const near = closest(key, known);
  const help = near === undefined ? `expected one of ${known.join(", ")}` : `did you mean "${near}"?`;
  return `${pathText([...path, key])}: no such key; ${help}`;
}

function suggestion(key: string | undefined, path: Path, schema: z.ZodType): string {
  const near = key === undefined ? undefined : closest(key, keysAt(schema, path));
  return near === undefined ? "" : `; did you mean "${near}"?`;
}

/** The keys that an object at this path of the configuration may have. */
function keysAt(schema: z.ZodType, path: Path): string[] {
  const [step, ...rest] = path;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return keysAt(schema.unwrap() as z.ZodType, path);
  }
  if (schema instanceof z.ZodUnion) {
    return (schema.options as z.ZodType[]).flatMap((option) => keysAt(option, path));
  }
  if (schema instanceof z.ZodObject) {
    const shape = schema.shape as Record<string, z.ZodType>;
    if (step === undefined) return Object.keys(shape);
    const inner = shape[String(step)];
    return inner === undefined ? [] : keysAt(inner, rest);
  }
  if (step === undefined) return [];
  if (schema instanceof z.ZodRecord) return keysAt(schema.valueType as z.ZodType, rest);
  if (schema instanceof z.ZodArray) return keysAt(schema.element as z.ZodType, rest);
  return [];
}

const typeWords: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "an object",
  record: "an object",
};

/** `targets.canvases.inputs["my corpus"].path` */
function pathText(path: Path): string {
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

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, step) =>
      typeof inner === "object" && inner !== null ? (inner as Record<PropertyKey, unknown>)[step] : undefined,
    value,
  );
}

function describeValue(value: unknown, path: Path): string {
  if (value === undefined) return "nothing";
  // An address may hold a password.
  if (typeof value === "string" && path.at(-1) === "url") return "another text";
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value);
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  return typeof value === "object" && value !== null ? "an object" : `${value as number | boolean | null}`;
}
