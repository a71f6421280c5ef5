import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { Owner } from "../../src/owner.ts";
import { databaseUrl, resolveConnection } from "../../src/server/connection-settings.ts";
import { createDatabase, dropDatabase } from "../../src/template/create-database.ts";
import { compareDatabases } from "../../src/verify/compare-databases.ts";
import { scratchName } from "../../src/names.ts";

const connection = resolveConnection(inject("serverUrl"));
const owner = await Owner.open(connection, { purpose: "test" });
const [left, right] = [scratchName(owner.id, "left"), scratchName(owner.id, "right")] as const;
let client: pg.Client;

const schema = `
  create table item (id int primary key, kind int not null, word text, data jsonb);
  create unique index by_kind on item (kind);
  create index by_word on item (lower(word));
  create table other (id int);
  create sequence tickets;
  create statistics both_columns on id, kind from item;
  create rule never as on delete to other do instead nothing;
  create type pair as (a int, b text);
  create function same(pair, pair) returns boolean language sql immutable as 'select $1.a = $2.a';
  create operator === (leftarg = pair, rightarg = pair, function = same);
  create function pair_from(int) returns pair language sql immutable as $$ select row($1, '')::pair $$;
  create cast (int as pair) with function pair_from(int) as assignment;
  create collation swift (provider = libc, locale = 'C');
  create text search dictionary plain_words (template = simple, stopwords = english);
  create text search configuration words (copy = english);
  create type span as range (subtype = float8);
  create aggregate product (float8) (sfunc = float8mul, stype = float8);
  create foreign data wrapper elsewhere;
  create server far foreign data wrapper elsewhere;
  create user mapping for current_user server far options (password 'geheim');
  create foreign table away (id int) server far;
  create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
  create trigger touch before update on item for each row execute function touch();
  create index spare on other (id);
  create table parent (id int);
  create table child () inherits (parent);
`;

beforeAll(async () => {
  for (const database of [left, right]) {
    await createDatabase(owner, database);
    client = new pg.Client({ connectionString: databaseUrl(connection, database) });
    await client.connect();
    await client.query(schema);
    if (database === left) await client.end();
  }
});

afterAll(async () => {
  await client.end();
  for (const database of [left, right]) await dropDatabase(owner, database, { force: true });
  await owner[Symbol.asyncDispose]();
});

const differing = async (): Promise<string[]> =>
  (await compareDatabases({ connection, left, right })).map(({ kind, name }) => `${kind} ${name}`);

test("databases made alike have no differences", async () => {
  expect(await differing()).toEqual([]);
});

/** A statement, and what differs by it alone. */
const changes: readonly (readonly [string, string])[] = [
  ["alter statistics both_columns set statistics 99", "extended statistics public.both_columns"],
  ["alter table item alter column word set storage external", "column public.item.word"],
  ["alter table item alter column kind set statistics 99", "column public.item.kind"],
  ["alter table item alter column data set compression pglz", "column public.item.data"],
  ["alter table item alter column id set (n_distinct = 5)", "column public.item.id"],
  ["alter index by_word alter column 1 set statistics 99", "index public.by_word"],
  ["alter table item replica identity full", "table public.item"],
  ["alter table item replica identity using index by_kind", "index public.by_kind"],
  ["alter table item cluster on item_pkey", "index public.item_pkey"],
  ["alter table other force row level security", "table public.other"],
  ["alter table other disable rule never", "rule public.other never"],
  ["alter sequence tickets owned by other.id", "sequence owner public.tickets"],
  ["alter sequence tickets cache 9", "sequence value public.tickets"],
  ["alter table child no inherit parent", "table public.child"],
  ["alter operator === (pair, pair) set (restrict = eqsel)", "operator public.==="],
  ["drop cast (int as pair)", "cast integer as public.pair"],
  [
    "drop collation swift; create collation swift (provider = libc, locale = 'POSIX')",
    "collation public.swift",
  ],
  ["alter text search dictionary plain_words (stopwords)", "text search dictionary public.plain_words"],
  [
    "alter text search configuration words alter mapping for asciiword with plain_words",
    "text search configuration public.words",
  ],
  [
    "drop type span; create type span as range (subtype = float8, subtype_diff = float8mi)",
    "range public.span",
  ],
  [
    "drop aggregate product (float8); create aggregate product (float8) (sfunc = float8mul, stype = float8, parallel = safe)",
    "aggregate public.product(double precision)",
  ],
  ["alter foreign data wrapper elsewhere options (debug 'true')", "foreign data wrapper elsewhere"],
  ["alter server far version '2'", "foreign server far"],
  ["alter user mapping for current_user server far options (set password 'anders')", "user mapping far for"],
  ["alter foreign table away options (table_name 'x')", "foreign table public.away"],
  ["comment on schema public is 'another'", "comment public"],
  ["comment on column item.word is 'other'", "comment public.item.word"],
  ["drop index spare", "index public.spare"],
  ["alter table other alter id set default 7", "column public.other.id"],
  ["alter table item disable trigger touch", "trigger public.item touch"],
  [
    "create or replace function touch() returns trigger language plpgsql as $$ begin return old; end $$",
    "function public.touch()",
  ],
];

test("each change of a definition is told, and what it is a change of", async () => {
  const missed: string[] = [];
  let before = new Set<string>();
  for (const [statement, told] of changes) {
    await client.query(statement);
    const now = await differing();
    if (!now.some((one) => !before.has(one) && one.startsWith(told))) missed.push(`${statement}: ${told}`);
    before = new Set(now);
  }
  expect(missed).toEqual([]);
});

test("columns in another order are told", async () => {
  await client.query("create table swapped (b int, a int)");
  const other = new pg.Client({ connectionString: databaseUrl(connection, left) });
  await other.connect();
  await other.query("create table swapped (a int, b int)");
  await other.end();
  expect(await differing()).toEqual(
    expect.arrayContaining(["column public.swapped.a", "column public.swapped.b"]),
  );
});

test("no difference shows a password", async () => {
  const told = JSON.stringify(await compareDatabases({ connection, left, right }));
  expect(told).toContain("user mapping");
  expect(told).not.toMatch(/geheim|anders/);
});

test("an abort ends a comparison that waits for a lock", async () => {
  const controller = new AbortController();
  const reason = new Error("changed my mind");
  const waiting = `select 1 from pg_stat_activity where datname = '${right}' and wait_event_type = 'Lock'`;
  await client.query("begin; lock table item in access exclusive mode");
  try {
    const comparing = compareDatabases({ connection, left, right, signal: controller.signal });
    const settled = expect(comparing).rejects.toBe(reason);
    await expect.poll(() => owner.query("looking for the wait", waiting)).toHaveLength(1);
    controller.abort(reason);
    await settled;
    expect(await owner.query("looking for the wait", waiting)).toEqual([]);
  } finally {
    await client.query("rollback");
  }
});
