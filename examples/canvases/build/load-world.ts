import type pg from "pg";
import type { World } from "../corpus/world.ts";

/** The places and people that events refer to. */
export async function loadWorld(
  client: pg.Client,
  { workspaces, repositories, actors }: World,
): Promise<void> {
  await client.query(
    `insert into workspace (id, slug, name)
     select id, slug, name from jsonb_to_recordset($1) as row (id integer, slug text, name text) order by id`,
    [JSON.stringify(workspaces)],
  );
  await client.query(
    `insert into repository (id, workspace_id, full_name, language)
     select id, (workspace ->> 'id')::integer, "fullName", language
       from jsonb_to_recordset($1) as row (id integer, workspace jsonb, "fullName" text, language text)
      order by id`,
    [JSON.stringify(repositories)],
  );
  await client.query(
    `insert into actor (id, login)
     select id, login from jsonb_to_recordset($1) as row (id integer, login text) order by id`,
    [JSON.stringify(actors)],
  );
}
