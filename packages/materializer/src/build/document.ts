import type { Json, Parsed, Problem } from "../projector/projector.ts";
import type { SelectedFile } from "./selected-file.ts";

/** What a blob was parsed to, and the characters that it takes as JSON, its problems included. */
export type ReadDocument = Parsed & { readonly size: number };

/** By `documentKey`. */
export type Documents = ReadonlyMap<string, ReadDocument>;

/** Documents of one kind are the same wherever in a tree the blob is. */
export function documentKey({ kind, oid }: Pick<SelectedFile, "kind" | "oid">): string {
  return `${oid} ${kind}`;
}

/** Characters of documents that are parsed in one call, and written in one statement, unless a single one has more. */
export const ROUND_SIZE = 8 * 2 ** 20;

/** What a problem counts as: about the characters of its message. */
const PROBLEM_SIZE = 200;

/** Through JSON, so that a document just parsed is exactly what the cache will give back. */
export function fromText(text: string | null, problems: Problem[]): ReadDocument {
  const size = (text?.length ?? 0) + problems.length * PROBLEM_SIZE;
  if (text === null || blocking(problems)) return { problems, size };
  return { document: JSON.parse(text) as Json, problems, size };
}

export function blocking(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === "error");
}

/** One document as it is remembered. */
export interface ParsedBlob {
  readonly kind: string;
  readonly oid: string;
  readonly text: string | null;
  readonly document: ReadDocument;
}
