import type { Database } from "./database.ts";

export interface FoundDocument {
  /** For example `issue/103/12`. */
  readonly stream: string;
  readonly kind: string;
  readonly repository: string;
  readonly title: string;
  /** The best piece of the text, with what was found in brackets. */
  readonly excerpt: string;
  readonly updatedAt: Date;
}

export interface SearchResult {
  /** Whether the words occur, or whether titles were only spelled alike. */
  readonly match: "words" | "spelling" | "none";
  readonly documents: readonly FoundDocument[];
}

export interface SearchOptions {
  readonly repository?: string | undefined;
  /** @default 10 */
  readonly limit?: number | undefined;
}

/**
 * Documents in which all of the words occur, best first. Where there is none, those with titles that are spelled
 * alike, for people mistype.
 */
export async function searchDocuments(
  db: Database,
  text: string,
  { repository, limit = 10 }: SearchOptions = {},
): Promise<SearchResult> {
  const values = [text, repository, limit];
  const exact = await db.query<FoundDocument>(byWordsSql, values);
  if (exact.rows.length > 0) return { match: "words", documents: exact.rows };
  const similar = await db.query<FoundDocument>(bySpellingSql, values);
  return { match: similar.rows.length > 0 ? "spelling" : "none", documents: similar.rows };
}

const byWordsSql = `
  select stream, kind, repository.full_name as repository, title, updated_at as "updatedAt",
         ts_headline('english', body, query, 'StartSel=[, StopSel=], MaxWords=20, MinWords=8') as excerpt
    from (
      select document.*, query
        from document, websearch_to_tsquery('english', $1) as query
       where words @@ query
         and ($2::text is null or repository_id = (select id from repository where full_name = $2))
       order by ts_rank(words, query) desc, id
       limit $3
    ) found
    join repository on repository.id = found.repository_id
   order by ts_rank(words, query) desc, found.id`;

const bySpellingSql = `
  select stream, kind, repository.full_name as repository, title, updated_at as "updatedAt",
         left(body, 120) as excerpt
    from document
    join repository on repository.id = document.repository_id
   where title %> $1
     and ($2::text is null or repository.full_name = $2)
   order by word_similarity($1, title) desc, document.id
   limit $3`;
