import type { Json } from "./json.ts";

/** Something wrong in a file, at the place where an editor's cursor has to go. */
export interface Problem {
  /** Counted from 1; null when the problem belongs to the file as a whole. */
  line: number | null;
  /** Counted from 1 in UTF-16 units, as editors count; null with `line`. */
  column: number | null;
  /** Stable, in kebab case. */
  code: string;
  message: string;
  severity: "error" | "warning";
}

/** What is cached of a blob: the document, unless an error made it unusable, and everything to be said about it. */
export type Parsed = { document: Json; problems: Problem[] } | { document?: undefined; problems: Problem[] };
