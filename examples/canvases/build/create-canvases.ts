import type pg from "pg";

/** One canvas for each workspace, and one for each of its repositories, still empty. */
export async function createCanvases(client: pg.Client): Promise<void> {
  await client.query(
    `insert into canvas (workspace_id, slug, title)
     select workspace_id, slug, title
       from (
         select id as workspace_id, slug, name || ' overview' as title from workspace
         union all
         select workspace_id, full_name, full_name from repository
       ) canvases
      order by slug collate "C"`,
  );
}
