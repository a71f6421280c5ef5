import type { z } from "zod";
import type { DocumentFormat } from "../documents/parse-document.ts";
import type { MarkdownDocument } from "../documents/read-markdown.ts";

/** One kind of file: which paths, how they are written, and what has to be in them. */
export interface KindOptions {
  /** Globs as picomatch reads them, against the path from the repository's root. Dots and case count as letters. */
  readonly match: string | readonly string[];
  readonly format: DocumentFormat;
  /** Of the document; of the front matter where the format is `markdown`. It has to be expressible as JSON Schema. */
  readonly schema: z.ZodType;
}

/** By name. A path belongs to the first kind that matches it. */
export type Kinds = Readonly<Record<string, KindOptions>>;

/** What a file of this kind holds once it was parsed and checked. */
export type DocumentOf<Kind extends KindOptions> = Kind["format"] extends "markdown"
  ? MarkdownDocument<z.output<Kind["schema"]>>
  : z.output<Kind["schema"]>;

/** A file as `assemble` sees it: `kind` tells the type of `document`. */
export type TypedFile<K extends Kinds> = {
  [Kind in keyof K & string]: {
    readonly path: string;
    readonly kind: Kind;
    /** Of the blob, in hex. */
    readonly oid: string;
    /** As git writes it. */
    readonly mode: string;
    readonly document: DocumentOf<K[Kind]>;
  };
}[keyof K & string];
