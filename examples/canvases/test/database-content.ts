import pg from "pg";

/** A hash of the rows of every table, in the order of their text, and the state of every sequence. */
export async function databaseContent(url: string): Promise<Record<string, string>> {
  const client = new pg.Client({ connectionString: url, options: "-c timezone=UTC" });
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      `select case when schemaname = 'public' then '' else quote_ident(schemaname) || '.' end || quote_ident(tablename) as name
       from pg_tables where schemaname in ('public', 'headstart_materializer') order by 1`,
    );
    const content: Record<string, string> = {};
    for (const { name } of tables.rows) content[name] = await tableContent(client, name);
    const sequences = await client.query<{ name: string; value: string }>(
      "select sequencename as name, coalesce(last_value, 0)::text as value from pg_sequences order by 1",
    );
    for (const { name, value } of sequences.rows) content[`sequence ${name}`] = value;
    return content;
  } finally {
    await client.end();
  }
}

async function tableContent(client: pg.Client, name: string): Promise<string> {
  const { rows } = await client.query<{ content: string }>(
    `select count(*) || ' rows, ' || coalesce(md5(string_agg(md5(row::text), '' order by md5(row::text))), '') as content
       from ${name} as row`,
  );
  return rows[0]?.content ?? "";
}
