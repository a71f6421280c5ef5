import { z } from "zod";
import { defaultDocumentLimits, type DocumentLimits } from "../../src/documents/document-limits.ts";
import { loadDocument, parseDocument, type DocumentFormat } from "../../src/documents/parse-document.ts";
import type { Parsed } from "../../src/documents/problem.ts";

export interface ParseOptions {
  schema?: z.ZodType;
  limits?: Partial<DocumentLimits>;
}

/** Reads a text (or bytes) as a format; anything is allowed in it unless a schema says otherwise. */
export function parse(
  format: DocumentFormat,
  content: string | Uint8Array,
  options: ParseOptions = {},
): Parsed {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const limits = { ...defaultDocumentLimits, ...options.limits };
  return parseDocument(bytes, { format, schema: options.schema ?? z.unknown() }, limits);
}

/** The document alone; fails with the problems where there is none. */
export function valueOf(parsed: Parsed): unknown {
  if (parsed.document === undefined) {
    throw new Error(JSON.stringify(parsed.problems));
  }
  return loadDocument(parsed.document).value;
}

/** `line:column code`, as a compiler would print it; `!` before a warning's code. */
export function summary({ problems }: Parsed): string[] {
  return problems.map(({ line, column, code, severity }) => {
    const place = line === null ? "file" : `${line}:${column}`;
    return `${place} ${severity === "warning" ? "!" : ""}${code}`;
  });
}
