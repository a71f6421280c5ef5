import type { z } from "zod";
import { decodeText } from "./decode-text.ts";
import { describeZodIssue } from "./describe-zod-issue.ts";
import type { DocumentLimits } from "./document-limits.ts";
import { collectFindings, ReadingStopped, type Findings } from "./findings.ts";
import type { Json, KeyPath } from "./json.ts";
import { lineIndex, type Place } from "./line-index.ts";
import { encodePlaces, placeFinder } from "./place-map.ts";
import type { Parsed } from "./problem.ts";
import { readJson } from "./read-json.ts";
import { readMarkdown } from "./read-markdown.ts";
import { readYaml } from "./read-yaml.ts";
import { keyOffsetOf, offsetOf, type SourceNode } from "./source-node.ts";
import { NotJsonError, toJson } from "./to-json.ts";

export const documentFormats = ["yaml", "json", "markdown"] as const;
export type DocumentFormat = (typeof documentFormats)[number];

/** Part of every projector's identity: what was parsed by an older reader is parsed again. */
export const readerRevision = "1";

export interface DocumentKind {
  readonly format: DocumentFormat;
  readonly schema: z.ZodType;
}

/** What is cached of a blob. The document is kept as text because `jsonb` forgets the order of keys. */
interface StoredDocument {
  readonly json: string;
  readonly places: string;
}

/** A document with the places of its values. */
export interface LoadedDocument {
  readonly value: Json;
  placeOf(path: KeyPath): Place;
}

/** Bytes to a checked document, or to what is wrong with them. Pure; throws nothing. */
export function parseDocument(bytes: Uint8Array, kind: DocumentKind, limits: DocumentLimits): Parsed {
  const decoded = decodeText(bytes, limits);
  if ("problem" in decoded) {
    return { problems: [decoded.problem] };
  }
  const { text } = decoded;
  const findings = collectFindings(text, limits);
  let document: Json | undefined;
  try {
    document = readChecked(text, kind, findings);
  } catch (error) {
    if (!(error instanceof ReadingStopped)) {
      findings.error("projector-threw", 0, `reading this file failed: ${messageOf(error)}`);
    }
  }
  const problems = findings.problems();
  return document === undefined || findings.failed ? { problems } : { document, problems };
}

/** What `parseDocument` made of a blob, wherever it was kept since. */
export function loadDocument(document: Json): LoadedDocument {
  const { json, places } = document as unknown as StoredDocument;
  const value = JSON.parse(json) as Json;
  return { value, placeOf: placeFinder(value, places) };
}

function readChecked(text: string, { format, schema }: DocumentKind, findings: Findings): Json | undefined {
  if (format === "markdown") {
    const { frontMatter, body, bodyLine } = readMarkdown(text, findings);
    const checked = check(frontMatter, schema, findings);
    return checked === undefined
      ? undefined
      : stored(text, { frontMatter: checked, body: body.value, bodyLine }, markdownRoot(frontMatter, body));
  }
  const root = format === "yaml" ? readYaml(text, findings) : readJson(text, findings);
  if (root === undefined) {
    return findings.failed ? undefined : findings.stop("empty-file", 0, "the file has only comments");
  }
  const checked = check(root, schema, findings);
  return checked === undefined ? undefined : stored(text, checked, root);
}

function markdownRoot(frontMatter: SourceNode, body: SourceNode): SourceNode {
  const members = new Map([
    ["frontMatter", { keyOffset: 0, node: frontMatter }],
    ["body", { keyOffset: body.offset, node: body }],
    ["bodyLine", { keyOffset: body.offset, node: body }],
  ]);
  return { value: null, offset: 0, members };
}

/** The schema's output as JSON, or undefined after it has been said what is wrong. */
function check(root: SourceNode, schema: z.ZodType, findings: Findings): Json | undefined {
  if (findings.failed) {
    return undefined;
  }
  const result = schema.safeParse(root.value);
  if (!result.success) {
    for (const problem of result.error.issues.flatMap((issue) => describeZodIssue(issue, root.value))) {
      const offset = problem.at === "key" ? keyOffsetOf(root, problem.path) : offsetOf(root, problem.path);
      findings.error(problem.code, offset, problem.message);
    }
    return undefined;
  }
  try {
    return toJson(result.data);
  } catch (error) {
    if (!(error instanceof NotJsonError)) {
      throw error;
    }
    findings.error("schema-output", offsetOf(root, error.path), `the schema's result: ${error.message}`);
    return undefined;
  }
}

function stored(text: string, document: Json, root: SourceNode): Json {
  const place = lineIndex(text);
  return {
    json: JSON.stringify(document),
    places: encodePlaces(document, (path) => place(offsetOf(root, path))),
  } satisfies StoredDocument;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
