/** How much one file may ask for. What goes beyond is a problem of that file and of no other. */
export interface DocumentLimits {
  /** Bytes of the file, and characters of its document once aliases are written out. */
  readonly maxBytes: number;
  /** Lists and maps inside each other. */
  readonly maxDepth: number;
  /** Scalars, lists and maps, with those that aliases repeat. */
  readonly maxNodes: number;
  /** Uses of YAML aliases. */
  readonly maxAliases: number;
  /** Problems told of one file; the last one says that there were more. */
  readonly maxProblems: number;
}

export const defaultDocumentLimits: DocumentLimits = {
  maxBytes: 1024 * 1024,
  maxDepth: 64,
  maxNodes: 50_000,
  maxAliases: 1000,
  maxProblems: 100,
};
