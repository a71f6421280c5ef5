import type { Context } from "../context.ts";
import { GitError } from "../git/git-error.ts";
import type { BlobRead, Mirror } from "../git/mirror.ts";
import type { Json, Parsed, Problem, Projector } from "../projector/projector.ts";
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

/** Files that are looked for in the cache at once. */
const LOOKED_FOR = 1_000;

/**
 * Bytes of documents, as they are stored, that are looked at to see how many come out of the cache at once: Postgres may
 * have packed a document to a hundredth, and unpacks it to measure it.
 */
const STORED_BYTES = 256 * 1024;

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

/** Those of the files that are in the cache; undefined for those that come only when they are asked for first. */
async function cached(
  source: DocumentSource,
  wanted: ReadonlyMap<string, SelectedFile>,
): Promise<Map<string, ReadDocument | undefined>> {
  if (wanted.size === 0) return new Map();
  const files = [...wanted.values()];
  const { rows } = await source.context.db.query<{
    kind: string;
    oid: string;
    document: string | null;
    problems: Problem[] | null;
  }>(
    // One look into the index for each. As a plain join it is up to the planner, who may read the whole table instead.
    `select t.kind, t.oid, case when t.given then t.document::text end as document,
            case when t.given then t.problems end as problems
     from (
       select p.*, p.near and ${sumBefore("octet_length(p.document::text)", "p.near")} < $6 as given
       from (
         select w.*, d.document, d.problems,
                ${sumBefore("pg_column_size(d.document)", "true")} + ${sumBefore("pg_column_size(d.problems)", "true")} < $5 as near
         from unnest($3::text[], $4::text[]) with ordinality as w (kind, oid, n)
         cross join lateral (
           select b.document, b.problems from headstart_materializer.blob_documents b
           where b.scope = $1 and b.parser = $2 and b.kind = w.kind and b.oid = decode(w.oid, 'hex') limit 1) d
       ) p
     ) t`,
    [
      source.scope,
      source.projector.identity,
      files.map((file) => file.kind),
      files.map((file) => file.oid),
      STORED_BYTES,
      ROUND_SIZE,
    ],
  );
  return new Map(
    rows.map(({ document, problems, ...file }) => [
      documentKey(file),
      problems === null ? undefined : fromText(document, problems),
    ]),
  );
}

/** What the rows before this one have together. Only of those that matter is it evaluated. */
function sumBefore(bytes: string, where: string): string {
  return `coalesce(sum(case when ${where} then ${bytes} end) over (
    order by n rows between unbounded preceding and 1 preceding), 0)`;
}

/** Through JSON, so that a document just parsed is exactly what the cache will give back. */
function fromText(text: string | null, problems: Problem[]): ReadDocument {
  const size = (text?.length ?? 0) + problems.length * PROBLEM_SIZE;
  if (text === null || blocking(problems)) return { problems, size };
  return { document: JSON.parse(text) as Json, problems, size };
}

function blocking(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === "error");
}

/** One document as it is remembered. */
interface ParsedBlob {
  readonly kind: string;
  readonly oid: string;
  readonly text: string | null;
  readonly document: ReadDocument;
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

async function remember(source: DocumentSource, parsed: ReadonlyMap<string, ParsedBlob>): Promise<void> {
  if (parsed.size === 0) return;
  const blobs = [...parsed.values()];
  await source.context.db.query(
    `insert into headstart_materializer.blob_documents (scope, parser, kind, oid, document, problems)
     select $1, $2, w.kind, decode(w.oid, 'hex'), w.document::json, w.problems::jsonb
     from unnest($3::text[], $4::text[], $5::text[], $6::text[]) as w (kind, oid, document, problems)
     on conflict (scope, parser, kind, oid) ${
       source.cache === "renew"
         ? "do update set document = excluded.document, problems = excluded.problems"
         : "do nothing"
     }`,
    [
      source.scope,
      source.projector.identity,
      blobs.map(({ kind }) => kind),
      blobs.map(({ oid }) => oid),
      blobs.map(({ text }) => text),
      blobs.map(({ document }) => JSON.stringify(document.problems)),
    ],
  );
}
