import { once } from "node:events";
import pg from "pg";
import { expect, inject, test } from "vitest";
import { InputsChangedError } from "../../src/prepare/inputs-changed-error.ts";
import { prepare } from "../../src/prepare/prepare.ts";
import type { PrepareOptions } from "../../src/prepare/preparation.ts";
import type { BuildDatabase, Target } from "../../src/prepare/target.ts";
import { databasesLike, freshDigest, query } from "../fixtures/databases.ts";

const server = inject("serverUrl");

async function withClient(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

const fill = async ({ url }: BuildDatabase): Promise<void> =>
  await withClient(url, (client) =>
    client.query("create table item as select generate_series(1, 100) as id"),
  );

function target(more: Partial<Target> & { digest?: string } = {}): Target {
  const digest = more.digest ?? freshDigest();
  return {
    name: "prepare-test",
    fingerprint: async () => ({ digest, manifest: `${digest}  data/file\n` }),
    build: fill,
    ...more,
  };
}

const options: PrepareOptions = { server };

async function failure(
  work: Promise<unknown>,
): Promise<{ code: string; message: string; hint: string | undefined }> {
  return await work.then(
    () => {
      throw new Error("it did not fail");
    },
    (error: { code: string; message: string; hint: string | undefined }) => error,
  );
}

test("the first call builds, the next ones find the template, and each says why", async () => {
  let builds = 0;
  const one = target({
    build: async (database) => {
      builds += 1;
      await fill(database);
    },
  });
  await using first = await prepare(one, options);
  expect(first.tier).toBe("build");
  expect(first.steps.map((step) => [step.tier, step.outcome])).toEqual([
    ["template", "missed"],
    ["snapshot", "skipped"],
    ["build", "served"],
  ]);
  await using second = await prepare(one, options);
  expect(second.tier).toBe("template");
  expect(second.template.name).toBe(first.template.name);
  expect(builds).toBe(1);
});

test("a template takes no connections, not even a superuser's", async () => {
  await using prepared = await prepare(target(), options);
  await expect(query(server, "select 1", { database: prepared.template.name })).rejects.toMatchObject({
    message: expect.stringContaining("not currently accepting connections") as string,
  });
});

test("clones equal the template and never see each other", async () => {
  await using prepared = await prepare(target(), options);
  await using a = await prepared.template.clone();
  await using b = await prepared.template.clone();
  await query(server, "delete from item", { database: a.name });
  const [count] = await query<{ count: number }>(server, "select count(*)::int from item", {
    database: b.name,
  });
  expect(count).toEqual({ count: 100 });
});

test("a clone is dropped even while a forgotten connection is open", async () => {
  await using prepared = await prepare(target(), options);
  const clone = await prepared.template.clone();
  const forgotten = new pg.Client({ connectionString: clone.url });
  const ended = new Promise((resolve) => forgotten.on("error", resolve));
  await forgotten.connect();
  await clone.drop();
  await ended;
  expect(await databasesLike(server, clone.name)).toEqual([]);
});

test("a clone dropped right after its pool has ended costs the pool's owner no error", async () => {
  await using prepared = await prepare(target(), options);
  const errors: Error[] = [];
  const clients: pg.PoolClient[] = [];
  const useAndDrop = async (): Promise<void> => {
    const clone = await prepared.template.clone();
    const pool = new pg.Pool({ connectionString: clone.url, max: 10 });
    pool.on("error", (error) => errors.push(error));
    const connected = await Promise.all(Array.from({ length: 10 }, () => pool.connect()));
    for (const client of connected) {
      client.on("error", (error) => errors.push(error));
      client.release();
    }
    clients.push(...connected);
    await pool.end();
    await clone.drop();
  };
  for (let round = 0; round < 4; round++) await Promise.all([useAndDrop(), useAndDrop()]);
  // What the server still had to say has arrived when the connections are closed.
  const open = clients.filter((client) => !client.connection.stream.closed);
  await Promise.all(open.map((client) => once(client.connection.stream, "close")));
  expect(errors).toEqual([]);
});

test("clones asked for at the same time all succeed", async () => {
  await using prepared = await prepare(target(), options);
  const clones = await Promise.all(Array.from({ length: 8 }, () => prepared.template.clone()));
  expect(new Set(clones.map((clone) => clone.name)).size).toBe(8);
  await Promise.all(clones.map((clone) => clone.drop()));
  for (const clone of clones) expect(await databasesLike(server, clone.name)).toEqual([]);
});

test("a kept clone stays, and is marked as ours", async () => {
  await using prepared = await prepare(target(), options);
  const kept = await prepared.template.keepClone();
  expect(kept.name).toMatch(/^hs_k_/);
  await prepared.template[Symbol.asyncDispose]();
  await using again = await prepare(target(), options);
  expect(await databasesLike(server, kept.name)).toEqual([kept.name]);
  void again;
  await query(server, `drop database ${kept.name}`);
});

test("a kept clone never takes a name that is taken, and leaves no copy behind", async () => {
  const name = `taken_${freshDigest().slice(0, 8)}`;
  await using prepared = await prepare(target(), options);
  await prepared.template.keepClone({ name });
  const error = await failure(prepared.template.keepClone({ name }));
  expect(error).toMatchObject({
    code: "NAME_TAKEN",
    hint: expect.stringContaining(`headstart drop "${name}"`) as string,
  });
  // Of many who ask at once, most find out when they name their copy.
  const other = `${name}_at_once`;
  const asked = await Promise.allSettled([1, 2, 3].map(() => prepared.template.keepClone({ name: other })));
  expect(asked.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const one of asked) {
    if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "NAME_TAKEN" });
  }
  for (const made of [name, other]) await query(server, `drop database ${made}`);
  expect(await databasesLike(server, `hs\\_c\\_%prepare\\_test%`)).toEqual([]);
});

test.each([
  ["", /empty/],
  ["postgres", /Postgres's own/],
  ["template1", /Postgres's own/],
  ["hs_c_000000000000_mine", /swept/],
  ["hs_t_mine", /swept/],
  ["ä".repeat(32), /64 bytes/],
  ["a\u0000b", /control character/],
])("a kept clone is not called %j", async (name, why) => {
  await using prepared = await prepare(target({ digest: "names" }), options);
  const error = await failure(prepared.template.keepClone({ name }));
  expect(error).toMatchObject({
    code: "NAME_INVALID",
    message: expect.stringMatching(why) as string,
    hint: expect.stringContaining("63 bytes") as string,
  });
});

test("a kept clone may have a name of 63 bytes, and stays when others are swept", async () => {
  const name = `${freshDigest().slice(0, 7)}${"ä".repeat(28)}`;
  await using prepared = await prepare(target({ digest: "names" }), options);
  await prepared.template.keepClone({ name });
  await using again = await prepare(target({ digest: "names" }), options);
  void again;
  expect(await databasesLike(server, name)).toEqual([name]);
  await query(server, `drop database "${name}"`);
});

test("settings and grants of the database, which Postgres does not copy, are copied", async () => {
  const role = `reader_${freshDigest().slice(0, 8)}`;
  await query(server, `create role ${role}`);
  const one = target({
    build: async ({ url, name }) =>
      await withClient(url, async (client) => {
        await client.query("create table item as select 1 as id");
        await client.query(`alter database ${name} set search_path to "we ird", public`);
        await client.query(`alter database ${name} set statement_timeout to '7s'`);
        await client.query(`alter role ${role} in database ${name} set work_mem to '9MB'`);
        await client.query(`grant create on database ${name} to ${role}`);
      }),
  });
  await using prepared = await prepare(one, options);
  await using clone = await prepared.template.clone();
  const [row] = await query<Record<string, unknown>>(
    server,
    `select current_setting('search_path') as path, current_setting('statement_timeout') as timeout,
            has_database_privilege('${role}', current_database(), 'create') as may_create,
            (select setconfig::text from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
              where d.datname = current_database() and s.setrole = '${role}'::regrole) as of_role`,
    { database: clone.name },
  );
  expect(row).toEqual({
    path: '"we ird", public',
    timeout: "7s",
    may_create: true,
    of_role: "{work_mem=9MB}",
  });
  await clone.drop();
  await query(server, "select 1");
});

test("two checkouts share a template when their content is equal, and keep their own when it is not", async () => {
  const shared = freshDigest();
  await using a = await prepare(target({ digest: shared }), options);
  await using b = await prepare(
    target({ digest: shared, build: () => Promise.reject(new Error("not needed")) }),
    options,
  );
  await using c = await prepare(target(), options);
  expect(b.template.name).toBe(a.template.name);
  expect(c.template.name).not.toBe(a.template.name);
  await using again = await prepare(target({ digest: shared }), options);
  expect(again.tier).toBe("template");
});

test.each(["x".repeat(200), `it's "quoted"; drop database postgres; --`, "ünïcödé 模板", "-", ""])(
  "a target may be called %s",
  async (name) => {
    await using prepared = await prepare(target({ name }), options);
    await using clone = await prepared.template.clone();
    expect(Buffer.byteLength(clone.name)).toBeLessThanOrEqual(63);
    expect(prepared.template.description.target).toBe(name);
  },
);

test("a build that fails leaves nothing, says so, and the next run builds", async () => {
  const digest = freshDigest();
  const error = await failure(
    prepare(target({ digest, build: () => Promise.reject(new Error("boom")) }), options),
  );
  expect(error).toMatchObject({ code: "BUILD_FAILED", message: expect.stringContaining("boom") as string });
  await using prepared = await prepare(target({ digest }), options);
  expect(prepared.tier).toBe("build");
  expect(await databasesLike(server, "hs\\_b\\_%prepare\\_test%")).toEqual([]);
});

test("inputs edited during the build: nothing is kept, and both contents are told", async () => {
  const digests = [freshDigest(), freshDigest()];
  let call = 0;
  const moving = target({
    fingerprint: () => {
      const digest = digests[call++] ?? "";
      return Promise.resolve({ digest, manifest: `${digest}  data/file\n` });
    },
  });
  const error = await failure(prepare(moving, options));
  expect(error).toBeInstanceOf(InputsChangedError);
  expect(error).toMatchObject({
    code: "INPUTS_CHANGED",
    before: `${digests[0]}  data/file\n`,
    after: `${digests[1]}  data/file\n`,
  });
  for (const digest of digests) {
    const absent = await failure(prepare(target({ digest }), { ...options, from: "template" }));
    expect(absent.code).toBe("TEMPLATE_ABSENT");
  }
});

test("a rule that names no table is refused before the build", async () => {
  let builds = 0;
  const named = (more: Partial<Target>): Promise<unknown> =>
    prepare(target({ ...more, build: () => Promise.resolve(void builds++) }), options);
  const strip = await failure(named({ strip: [{ truncate: "a.b.c" }] }));
  expect(strip).toMatchObject({
    code: "STRIP_FAILED",
    hint: expect.stringContaining("schema.table") as string,
  });
  const require = await failure(named({ require: [{ table: "a.b.c" }] }));
  expect(require.code).toBe("REQUIREMENT_UNMET");
  expect(require.message).toContain('"a.b.c" is no table name');
  expect(builds).toBe(0);
});

test("a deadline may be longer than any timer", async () => {
  await using prepared = await prepare(target(), { ...options, deadlineMs: 2 ** 31 });
  expect(prepared.tier).toBe("build");
});

test("any text may name a target", async () => {
  await using prepared = await prepare(target({ name: "a\0b\n\u202e☃" }), options);
  expect(prepared.tier).toBe("build");
});

test("a build that forgets a connection is refused with the session's name", async () => {
  let forgotten: pg.Client | undefined;
  const leaky = target({
    build: async ({ url }) => {
      forgotten = new pg.Client({ connectionString: url, application_name: "my leaky seed" });
      forgotten.on("error", () => undefined);
      await forgotten.connect();
      await forgotten.query("create table item (id int)");
    },
  });
  const error = await failure(prepare(leaky, options));
  expect(error.code).toBe("DATABASE_IN_USE");
  expect(error.message).toContain("my leaky seed");
  expect(error.hint).toContain("pool.end()");
  await forgotten?.end().catch(() => undefined);
});

test("a build that did half its work is refused", async () => {
  const error = await failure(
    prepare(target({ require: [{ table: "item", rows: 101 }, { table: "public.other" }] }), options),
  );
  expect(error.code).toBe("REQUIREMENT_UNMET");
  expect(error.message).toContain('table "item" has fewer than 101 rows');
  expect(error.message).toContain('table "public.other" does not exist');
  await using enough = await prepare(target({ require: [{ table: "item", rows: 100 }] }), options);
  expect(enough.tier).toBe("build");
});

test("an abort during the build ends it, drops its database and throws the reason", async () => {
  const controller = new AbortController();
  const reason = new Error("changed my mind");
  const endless = target({
    name: "abort-test",
    build: async ({ url, signal }) =>
      await withClient(url, async (client) => {
        controller.abort(reason);
        signal.throwIfAborted();
        await client.query("select 1");
      }),
  });
  await expect(prepare(endless, { ...options, signal: controller.signal })).rejects.toBe(reason);
  expect(await databasesLike(server, "hs\\_b\\_%abort\\_test%")).toEqual([]);
});

test("a deadline that passes is told as one", async () => {
  const slow = target({
    build: async ({ signal }) =>
      await new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason as Error)),
      ),
  });
  const error = await failure(prepare(slow, { ...options, deadlineMs: 300 }));
  expect(error.code).toBe("DEADLINE_EXCEEDED");
});

test("a forced build runs and replaces the template, and clones of the old one live on", async () => {
  const digest = freshDigest();
  let generation = 0;
  const counting = target({
    digest,
    build: async ({ url }) =>
      await withClient(url, (client) =>
        client.query(`create table item as select ${++generation} as generation`),
      ),
  });
  await using first = await prepare(counting, options);
  await using old = await first.template.clone();
  await using forced = await prepare(counting, { ...options, from: "build" });
  expect(forced.tier).toBe("build");
  await using fresh = await forced.template.clone();
  const read = async (database: string): Promise<unknown> =>
    (await query(server, "table item", { database }))[0];
  expect(await read(old.name)).toEqual({ generation: 1 });
  expect(await read(fresh.name)).toEqual({ generation: 2 });
});

test("a template made under another version of the system's collation is a miss, and is replaced", async () => {
  const [{ versioned } = { versioned: false }] = await query<{ versioned: boolean }>(
    server,
    "select pg_database_collation_actual_version(oid) is not null as versioned from pg_database where datname = 'postgres'",
  );
  const one = target();
  await using first = await prepare(one, options);
  await query(server, "update pg_database set datcollversion = 'of long ago' where datname = $1", {
    values: [first.template.name],
  });
  await using second = await prepare(one, options);
  expect(second.tier).toBe("build");
  expect(second.steps[0]?.reason).toContain(versioned ? "of long ago then" : "of long ago");
  await using third = await prepare(one, options);
  expect(third.tier).toBe("template");
});

test("the way to clone is chosen by measurement and stored with the template", async () => {
  await using prepared = await prepare(target(), options);
  const { strategy, probe } = prepared.template.description;
  expect(Object.keys(probe).toSorted()).toEqual(["file_copy", "wal_log"]);
  expect(strategy).toBe(probe["file_copy"]! <= probe["wal_log"]! ? "file_copy" : "wal_log");
});
