import type { Database } from "./database.ts";

export interface SimilarDocument {
  readonly stream: string;
  readonly title: string;
  /** How alike title and text are, of 100. */
  readonly percent: number;
}

/** Earlier documents of the workspace that look like this one, most alike first. */
export async function similarDocuments(db: Database, stream: string): Promise<SimilarDocument[]> {
  const { rows } = await db.query<SimilarDocument>(
    `select other.stream, other.title, similar_document.percent
       from document
       join similar_document on similar_document.document_id = document.id
       join document other on other.id = similar_document.other_id
      where document.stream = $1
      order by similar_document.percent desc, other.id`,
    [stream],
  );
  return rows;
}
