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

export interface Documents {
  of(file: Pick<SelectedFile, "kind" | "oid">): Parsed;
  readonly parsed: number;
  readonly reused: number;
}

/**
 * The documents of some files: from the cache where this projector saw the blob before, else read from git, parsed
 * and remembered. Cost follows unseen blobs.
 *
 * @throws GitError `Corrupt` when a blob that the tree names is not in the mirror.
 */
export async function readDocuments(
  source: DocumentSource,
  files: readonly SelectedFile[],
): Promise<Documents> {
  const wanted = new Map<string, SelectedFile>();
  for (const file of files) if (file.problem === undefined) wanted.set(cacheKey(file), file);
  const documents =
    source.cache === "use" || source.cache === "read"
      ? await cached(source, [...wanted.values()])
      : new Map<string, Parsed>();
  const unseen = [...wanted].filter(([key]) => !documents.has(key)).map(([, file]) => file);
  const parsed = await parseBlobs(source, unseen);
  for (const [key, document] of parsed) documents.set(key, document);
  if (source.cache === "use" || source.cache === "renew") await remember(source, parsed, wanted);
  return {
    of: (file) => documents.get(cacheKey(file)) ?? { problems: [] },
    parsed: unseen.length,
    reused: wanted.size - unseen.length,
  };
}

function cacheKey({ kind, oid }: Pick<SelectedFile, "kind" | "oid">): string {
  return `${oid} ${kind}`;
}

async function cached(source: DocumentSource, files: readonly SelectedFile[]): Promise<Map<string, Parsed>> {
  if (files.length === 0) return new Map();
  const { rows } = await source.context.db.query<{
    kind: string;
    oid: string;
    document: Json;
    problems: Problem[];
  }>(
    // One look into the index for each. As a plain join it is up to the planner, who may read the whole table instead.
    `select w.kind, w.oid, d.document, d.problems
     from unnest($3::text[], $4::text[]) as w (kind, oid)
     cross join lateral (
       select b.document, b.problems from headstart_materializer.blob_documents b
       where b.scope = $1 and b.parser = $2 and b.kind = w.kind and b.oid = decode(w.oid, 'hex') limit 1) d`,
    [source.scope, source.projector.identity, files.map((file) => file.kind), files.map((file) => file.oid)],
  );
  return new Map(
    rows.map(({ document, problems, ...file }) => [
      cacheKey(file),
      blocking(problems) ? { problems } : { document, problems },
    ]),
  );
}

function blocking(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === "error");
}

async function parseBlobs(
  source: DocumentSource,
  files: readonly SelectedFile[],
): Promise<Map<string, Parsed>> {
  const documents = new Map<string, Parsed>();
  const kinds = new Map<string, string[]>();
  for (const { oid, kind } of files) kinds.set(oid, [...(kinds.get(oid) ?? []), kind]);
  for await (const blob of source.mirror.readBlobs([...kinds.keys()], { signal: source.signal })) {
    if ("problem" in blob && blob.problem === "missing") {
      // The next fetch makes the mirror anew, so the build that is tried again finds the blob.
      await source.mirror.distrust();
      throw new GitError("Corrupt", `The mirror lacks the blob ${blob.oid}, which its tree names.`);
    }
    for (const kind of kinds.get(blob.oid) ?? [])
      documents.set(cacheKey({ kind, oid: blob.oid }), parse(source, kind, blob));
  }
  return documents;
}

type Present = Exclude<BlobRead, { problem: "missing" }>;

function parse({ projector, context }: DocumentSource, kind: string, blob: Present): Parsed {
  if ("problem" in blob) {
    return { problems: [whole("file-too-large", `The file has ${blob.size} bytes, more than are read.`)] };
  }
  const { document, problems } = projector.parse(blob.bytes, { kind, limits: context.documentLimits });
  if (document === undefined || blocking(problems)) return { problems };
  // Through JSON, so that a document just parsed is exactly what the cache will give back.
  return { document: JSON.parse(JSON.stringify(document)) as Json, problems };
}

async function remember(
  source: DocumentSource,
  parsed: ReadonlyMap<string, Parsed>,
  files: ReadonlyMap<string, SelectedFile>,
): Promise<void> {
  if (parsed.size === 0) return;
  const entries = [...parsed].flatMap(([key, document]) => {
    const file = files.get(key);
    return file === undefined ? [] : [{ file, document }];
  });
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
      entries.map(({ file }) => file.kind),
      entries.map(({ file }) => file.oid),
      entries.map(({ document }) =>
        document.document === undefined ? null : JSON.stringify(document.document),
      ),
      entries.map(({ document }) => JSON.stringify(document.problems)),
    ],
  );
}
