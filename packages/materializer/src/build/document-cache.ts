import type { Problem } from "../projector/projector.ts";
import { documentKey, fromText, ROUND_SIZE, type ParsedBlob, type ReadDocument } from "./document.ts";
import type { DocumentSource } from "./read-documents.ts";
import type { SelectedFile } from "./selected-file.ts";

/**
 * Bytes of documents, as they are stored, that are looked at to see how many come out of the cache at once: Postgres may
 * have packed a document to a hundredth, and unpacks it to measure it.
 */
const STORED_BYTES = 256 * 1024;

/** Those of the files that are in the cache; undefined for those that come only when they are asked for first. */
export async function cached(
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

/** Keeps what was parsed for the next build that meets the blob. */
export async function remember(
  source: DocumentSource,
  parsed: ReadonlyMap<string, ParsedBlob>,
): Promise<void> {
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
