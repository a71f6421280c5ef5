import type { Context } from "../context.ts";
import { GitError } from "../git/git-error.ts";
import type { BlobRead, Mirror } from "../git/mirror.ts";
import type { Problem, Projector } from "../projector/projector.ts";
import {
  blocking,
  documentKey,
  fromText,
  ROUND_SIZE,
  type Documents,
  type ParsedBlob,
  type ReadDocument,
} from "./document.ts";
import { cached, remember } from "./document-cache.ts";
import { whole, type SelectedFile } from "./selected-file.ts";

export interface DocumentSource {
  readonly context: Context;
  readonly mirror: Mirror;
  readonly projector: Projector;
  readonly scope: string;
  readonly signal: AbortSignal;
  /**
   * `read` remembers nothing; `renew` parses everything anew and corrects the cache; `ignore` leaves it alone, as a
   * verification must.
   */
  readonly cache: "use" | "read" | "renew" | "ignore";
}

/** Files that are looked for in the cache at once. */
const LOOKED_FOR = 1_000;

interface ReadSome {
  readonly documents: Documents;
  /** How many of the files are done with. */
  readonly files: number;
  readonly parsed: number;
  readonly reused: number;
}

/**
 * The documents of the first of some files, as many as are held at once: from the cache where this projector saw the
 * blob before, else read from git, parsed and remembered. Cost follows unseen blobs.
 *
 * @param held documents that are here already, and are not read again
 * @throws GitError `Corrupt` when a blob that the tree names is not in the mirror.
 */
export async function readDocuments(
  source: DocumentSource,
  files: readonly SelectedFile[],
  held: Documents,
): Promise<ReadSome> {
  const next = files.slice(0, LOOKED_FOR);
  const wanted = new Map<string, SelectedFile>();
  for (const file of next) if (!held.has(documentKey(file))) wanted.set(documentKey(file), file);
  const known =
    source.cache === "use" || source.cache === "read"
      ? await cached(source, wanted)
      : new Map<string, undefined>();
  const unseen: SelectedFile[] = [];
  for (const [key, file] of wanted) {
    if (!known.has(key)) unseen.push(file);
    // What is in the cache and did not come is read in the next call, and so is all that is behind it.
    else if (known.get(key) === undefined) break;
  }
  const parsed = await parseBlobs(source, unseen);
  if (source.cache === "use" || source.cache === "renew") await remember(source, parsed);
  const documents = new Map<string, ReadDocument>();
  for (const [key, document] of known) if (document !== undefined) documents.set(key, document);
  for (const [key, { document }] of parsed) documents.set(key, document);
  const end = next.findIndex((file) => !documents.has(documentKey(file)) && !held.has(documentKey(file)));
  return {
    documents,
    files: end < 0 ? next.length : end,
    parsed: parsed.size,
    reused: documents.size - parsed.size,
  };
}

async function parseBlobs(
  source: DocumentSource,
  files: readonly SelectedFile[],
): Promise<Map<string, ParsedBlob>> {
  const documents = new Map<string, ParsedBlob>();
  const kinds = new Map<string, string[]>();
  for (const { oid, kind } of files) kinds.set(oid, [...(kinds.get(oid) ?? []), kind]);
  let size = 0;
  for await (const blob of source.mirror.readBlobs([...kinds.keys()], { signal: source.signal })) {
    if ("problem" in blob && blob.problem === "missing") {
      // The next fetch makes the mirror anew, so the build that is tried again finds the blob.
      await source.mirror.distrust();
      throw new GitError("Corrupt", `The mirror lacks the blob ${blob.oid}, which its tree names.`);
    }
    const { oid } = blob;
    for (const kind of kinds.get(oid) ?? []) {
      const { text, problems } = parse(source, kind, blob);
      const document = fromText(text, problems);
      documents.set(documentKey({ kind, oid }), { kind, oid, text, document });
      size += document.size;
    }
    if (size >= ROUND_SIZE) break;
  }
  return documents;
}

type Present = Exclude<BlobRead, { problem: "missing" }>;

function parse(
  { projector, context }: DocumentSource,
  kind: string,
  blob: Present,
): { text: string | null; problems: Problem[] } {
  if ("problem" in blob) {
    const message = `The file has ${blob.size} bytes, more than are read.`;
    return { text: null, problems: [whole("file-too-large", message)] };
  }
  const { document, problems } = projector.parse(blob.bytes, { kind, limits: context.documentLimits });
  const text = document === undefined || blocking(problems) ? null : JSON.stringify(document);
  return { text, problems };
}
