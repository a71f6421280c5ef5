import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, expect, inject, test } from "vitest";
import { prepare } from "../../src/prepare/prepare.ts";
import type { Target } from "../../src/prepare/target.ts";
import { directoryStore } from "../../src/snapshot/directory-store.ts";
import { verify } from "../../src/verify/verify.ts";
import { freshDigest, query } from "../fixtures/databases.ts";

const server = inject("serverUrl");
const directory = mkdtempSync(join(tmpdir(), "headstart round trip ä "));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** One of nearly everything that a database can hold. */
const everything = `
  create schema "we ird";
  create schema ext;
  create extension pg_trgm schema ext;
  create extension btree_gin;
  create type mood as enum ('sad', 'ok', 'happy');
  create domain positive as int check (value > 0);
  create type pair as (a int, b text);
  create sequence counter start 5 increment 3;
  select nextval('counter'), nextval('counter');
  create table author (
    id int generated always as identity primary key,
    name text collate "C" not null unique,
    mood mood default 'ok',
    born date,
    tags text[] not null default '{}',
    data jsonb not null default '{}',
    raw bytea,
    amount numeric(20, 6),
    fraction float8,
    seen timestamptz not null default '2020-02-29 12:34:56.789012+02',
    pair pair
  );
  comment on table author is 'who wrote it; "quoted", ünïcödé';
  comment on column author.name is 'its name';
  insert into author (name, mood, born, tags, data, raw, amount, fraction, pair)
  select 'author ' || g, (array['sad', 'ok', 'happy']::mood[])[1 + g % 3], date '1900-01-01' + g, array['t' || g, null, 'a"b'],
         jsonb_build_object('n', g, 'deep', jsonb_build_array(g, null, E'tab\\tline\\nbreak')), decode(md5(g::text), 'hex'), g / 7.0, sqrt(g), row(g, 'x')::pair
    from generate_series(1, 500) g;
  create table "we ird"."or""der" (
    id bigserial primary key,
    author int not null references author on delete cascade,
    total positive not null,
    doubled int generated always as (total * 2) stored,
    words text not null,
    search tsvector generated always as (to_tsvector('english', words)) stored,
    constraint "sane total" check (total < 1000000)
  );
  insert into "we ird"."or""der" (author, total, words) select 1 + g % 500, 1 + g, 'running words number ' || g from generate_series(1, 2000) g;
  create index on "we ird"."or""der" using gin (search);
  create index on author using gin (name ext.gin_trgm_ops);
  create index partial on author (born desc nulls last) include (name) where mood = 'sad';
  create unique index expression on author (lower(name));
  create table measure (at timestamptz not null, value int) partition by range (at);
  create table measure_2020 partition of measure for values from ('2020-01-01') to ('2021-01-01');
  create table measure_rest partition of measure default;
  insert into measure select timestamptz '2019-12-30' + g * interval '1 hour', g from generate_series(1, 300) g;
  create index on measure (at);
  create table node (id int primary key, parent int references node deferrable initially deferred);
  create table ring_a (id int primary key, b int);
  create table ring_b (id int primary key, a int references ring_a);
  alter table ring_a add foreign key (b) references ring_b;
  insert into ring_a values (1, null); insert into ring_b values (1, 1); update ring_a set b = 1;
  insert into node select g, nullif(g / 2, 0) from generate_series(1, 50) g;
  create unlogged table scratch as select generate_series(1, 10) as id;
  create view sad_authors as select id, name from author where mood = 'sad';
  create materialized view totals as select author, sum(total)::bigint as total from "we ird"."or""der" group by author;
  create unique index on totals (author);
  create function touch() returns trigger language plpgsql as $$ begin new.seen := now(); return new; end $$;
  create trigger touch before update on author for each row execute function touch();
  create function add(a int, b int default 2) returns int language sql immutable as 'select a + b';
  create aggregate product (float8) (sfunc = float8mul, stype = float8, initcond = '1');
  create procedure nothing() language sql as '';
  alter table author enable row level security;
  create policy everybody on author for select using (mood <> 'sad');
  create rule never as on delete to node do instead nothing;
  create statistics both_columns on mood, born from author;
  select lo_from_bytea(424242, 'a large object');
  alter table author cluster on author_pkey;
  alter table author replica identity using index author_name_key;
  alter table author alter column data set storage external, alter column name set statistics 500;
  alter table "we ird"."or""der" alter column words set (n_distinct = -0.5);
  alter index expression alter column 1 set statistics 700;
  alter statistics both_columns set statistics 800;
  alter table author force row level security;
  create rule asleep as on delete to ring_b do instead nothing;
  alter table ring_b disable rule asleep;
  create sequence owned_later owned by ring_a.b cache 7;
  comment on schema public is 'not what initdb says';
  create collation swift (provider = libc, locale = 'C');
  create text search dictionary plain_words (template = simple, stopwords = english);
  create text search configuration words (copy = english);
  alter text search configuration words alter mapping for asciiword with plain_words, english_stem;
  create function same(pair, pair) returns boolean language sql immutable as 'select $1.a = $2.a';
  create operator === (leftarg = pair, rightarg = pair, function = same, commutator = ===);
  create function pair_from(int) returns pair language sql immutable as $$ select row($1, '')::pair $$;
  create cast (int as pair) with function pair_from(int) as assignment;
  create function compare_pairs(pair, pair) returns int language sql immutable as 'select $1.a - $2.a';
  create operator <<< (leftarg = pair, rightarg = pair, function = same);
  create operator class by_a for type pair using btree as function 1 compare_pairs(pair, pair);
  create type span as range (subtype = float8, subtype_diff = float8mi);
  create foreign data wrapper elsewhere options (debug 'true');
  create server other type 'x' version '1' foreign data wrapper elsewhere options (host 'h');
  create user mapping for current_user server other options (user 'me', password 'geheim');
  create foreign table far (id int options (column_name 'x')) server other options (table_name 'y');
  create table parent (id int, at date);
  create table child (more text) inherits (parent) with (fillfactor = 70, toast.autovacuum_enabled = false);
  alter table parent add later int;
  insert into child (id, more, later) values (1, 'x', 2);
  create default conversion mine for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
`;

function target(strip: Target["strip"] = []): Target {
  const digest = freshDigest();
  return {
    name: `round trip ${digest.slice(0, 6)}`,
    fingerprint: async () => ({ digest, manifest: "" }),
    build: async ({ url, name }) => {
      const client = new pg.Client({ connectionString: url });
      client.on("error", () => undefined);
      await client.connect();
      try {
        await client.query(everything);
        await client.query(`alter database ${name} set search_path to "we ird", public, ext`);
        await client.query(`alter database ${name} set datestyle to 'German, DMY'`);
      } finally {
        await client.end();
      }
    },
    strip,
    stores: [directoryStore(join(directory, digest.slice(0, 6)), { writable: true })],
  };
}

/**
 * What two databases have to have alike, asked in other words than the package's own comparison: through
 * `information_schema`, and as the application would read it.
 */
const questions: Readonly<Record<string, string>> = {
  tables:
    "select table_schema, table_name, table_type from information_schema.tables where table_schema !~ '^(pg_|information)' order by 1, 2",
  // A dump moves the columns that a table inherits in front of its own.
  columns: `select table_schema, table_name, column_name, ordinal_position, column_default, is_nullable, data_type, udt_name,
                   collation_name, is_identity, identity_generation, is_generated, generation_expression
              from information_schema.columns where table_schema !~ '^(pg_|information)' and table_name <> 'child' order by 1, 2, 4`,
  child: "select id, more, later from public.child",
  constraints:
    "select conrelid::regclass::text as t, conname, contype, pg_get_constraintdef(oid) as d from pg_constraint where connamespace::regnamespace::text !~ '^(pg_|information)' order by 1, 2",
  indexes:
    "select schemaname, tablename, indexname, indexdef from pg_indexes where schemaname !~ '^pg_' order by 1, 2, 3",
  sequences:
    "select schemaname, sequencename, last_value, increment_by, start_value from pg_sequences order by 1, 2",
  next: "select nextval('public.counter') as counter, nextval(pg_get_serial_sequence('public.author', 'id')) as author",
  extensions:
    "select extname, extversion, extnamespace::regnamespace::text as schema from pg_extension order by 1",
  comments:
    "select objoid::regclass::text as t, objsubid, description from pg_description where classoid = 'pg_class'::regclass and objoid >= 16384 order by 1, 2",
  views:
    "select schemaname, viewname, definition from pg_views where schemaname !~ '^(pg_|information)' order by 1, 2",
  routines:
    "select routine_schema, routine_name, routine_type, data_type, routine_definition from information_schema.routines where routine_schema in ('public', 'we ird') order by 1, 2, 3, 5",
  triggers:
    "select event_object_table, trigger_name, action_timing, event_manipulation, action_statement from information_schema.triggers order by 1, 2",
  policies: "select tablename, policyname, cmd, qual from pg_policies order by 1, 2",
  enums:
    "select enumtypid::regtype::text as t, array_agg(enumlabel order by enumsortorder)::text[] as labels from pg_enum group by 1",
  statistics: "select stxname, pg_get_statisticsobjdef(oid) as d from pg_statistic_ext order by 1",
  settings:
    "select setconfig from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase where d.datname = current_database()",
  path: "select current_setting('search_path') as path, current_setting('datestyle') as style",
  authors: "select * from public.author order by id",
  orders: `select * from "we ird"."or""der" order by id`,
  measures: "select tableoid::regclass::text as part, * from public.measure order by at, value",
  rings: "select a.*, b.* from public.ring_a a join public.ring_b b on b.id = a.b",
  totals: "select * from public.totals order by author",
  unlogged: "select count(*)::int as rows from public.scratch",
  object: "select convert_from(lo_get(424242), 'UTF8') as content",
  analysed: "select count(*) > 0 as analysed from pg_stats where tablename = 'author'",
};

async function answers(database: string): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(questions)) all[name] = await query(server, text, { database });
  return all;
}

test("a restored snapshot equals the built database: schema, data, sequences, indexes, extensions, comments", async () => {
  const one = target();
  await using built = await prepare(one, { server });
  await using original = await built.template.clone();
  const before = await answers(original.name);
  await using restored = await prepare(one, { server, from: "snapshot" });
  await using copy = await restored.template.clone();
  const after = await answers(copy.name);
  for (const name of Object.keys(questions)) expect(after[name], name).toEqual(before[name]);
  expect(before["orders"]).toHaveLength(2_000);
});

test("verification finds the snapshot equal to the template, and to a build made anew", async () => {
  const one = target([{ truncate: "measure" }, { nullColumns: { table: "author", columns: ["raw"] } }]);
  await using built = await prepare(one, { server });
  void built;
  expect(await verify(one, { server })).toEqual({ equal: true, differences: [], reference: "template" });
  expect(await verify(one, { server, rebuild: true })).toEqual({
    equal: true,
    differences: [],
    reference: "rebuild",
  });
});

test.each([
  ["a changed value", "update author set amount = 0 where id = 7", "rows", "public.author"],
  ["a moved sequence", "select nextval('counter')", "sequence value", "public.counter"],
  ["a table too many", "create table extra (id int)", "table", "public.extra"],
])("verification names %s in a build that has gone another way", async (_, change, kind, name) => {
  let changed = false;
  const steady = target();
  const drifting: Target = {
    ...steady,
    build: async (database) => {
      await steady.build(database);
      if (changed)
        await query(server, `set search_path to public, ext; ${change}`, { database: database.name });
    },
  };
  await using built = await prepare(drifting, { server });
  void built;
  changed = true;
  const { equal, differences } = await verify(drifting, { server, rebuild: true });
  expect(equal).toBe(false);
  expect(differences.map((difference) => [difference.kind, difference.name])).toContainEqual([kind, name]);
});
