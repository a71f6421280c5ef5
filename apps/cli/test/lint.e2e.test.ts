import { cp, readdir, readFile, rename, rm, truncate, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeProject, type Project } from "./fixtures/project.ts";

interface Lint {
  readonly fresh: boolean;
  readonly targets: readonly {
    readonly target: string;
    readonly status: string;
    readonly reason?: string;
    readonly changes?: { readonly roots: Record<string, object>; readonly inputs: string[] };
    readonly fix?: { readonly directory: string; readonly commands: string[] };
    readonly warnings: string[];
  }[];
}

/** Lint needs neither: the address leads nowhere, and nothing else is set. */
const offline = { env: { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" } };

/** Prepared once: the key knows nothing of where a checkout lies, so copies of it are as fresh. */
let original: Project;

beforeAll(async () => {
  original = await makeProject();
  expect(await original.run(["prepare", "--update-snapshot"])).toMatchObject({ exitCode: 0 });
});

afterAll(async () => await original[Symbol.asyncDispose]());

/** A project with a fresh snapshot. */
async function savedProject(): Promise<Project> {
  const project = await makeProject();
  await cp(original.directory, project.directory, { recursive: true });
  return project;
}

async function dumpOf(project: Project): Promise<string> {
  const folder = project.path("snapshots/app");
  const [dump] = (await readdir(folder)).filter((name) => name.endsWith(".pgdump"));
  return join(folder, dump ?? "");
}

test("a missing snapshot fails and is told with the command that makes it", async () => {
  await using project = await makeProject();
  const outcome = await project.run(["lint"], offline);
  expect(outcome).toMatchObject({ exitCode: 1, stderr: "" });
  expect(outcome.stdout).toContain("✗ app: the committed snapshot is missing");
  expect(outcome.stdout).toContain("npx headstart prepare app --update-snapshot");
  expect(outcome.stdout).toContain("pg_dump");
});

test("a snapshot of the present inputs is fresh, without database and network", async () => {
  await using project = await savedProject();
  const outcome = await project.run(["lint"], offline);
  expect(outcome).toMatchObject({ exitCode: 0, stderr: "" });
  expect(outcome.stdout).toMatch(/^✓ app: the committed snapshot is fresh \(.* made \d{4}-\d\d-\d\d\)$/);
  expect(await project.json<Lint>(["lint"], offline)).toMatchObject({
    exitCode: 0,
    fresh: true,
    targets: [{ target: "app", status: "fresh" }],
  });
});

test("a stale snapshot names what was added, removed, changed and renamed", async () => {
  await using project = await makeProject();
  await project.write("migrations/0002.sql", "create table gone (id int);");
  await project.write("migrations/0003.sql", "create table moved (id int);");
  expect(await project.run(["prepare", "--update-snapshot"])).toMatchObject({ exitCode: 0 });

  await project.write("migrations/0001.sql", "create table events (id bigint);");
  await unlink(project.path("migrations/0002.sql"));
  await unlink(project.path("migrations/0003.sql"));
  await project.write("migrations/0004.sql", "create table moved (id int);");
  await project.write("migrations/0005.sql", "create table added (id int);");

  const outcome = await project.run(["lint"], offline);
  expect(outcome.exitCode).toBe(1);
  expect(outcome.stdout).toContain("✗ app: the committed snapshot is stale");
  expect(outcome.stdout).toContain("migrations: 1 changed, 1 added, 1 removed, 1 renamed");
  for (const line of ["~ 0001.sql", "+ 0005.sql", "- 0002.sql", "> 0003.sql is now 0004.sql"]) {
    expect(outcome.stdout).toContain(line);
  }
  expect(outcome.stdout).toMatch(/The last time the build took .*, on Postgres \d/);
  expect((await project.json<Lint>(["lint"], offline)).targets[0]?.changes).toEqual({
    roots: {
      migrations: {
        added: ["0005.sql"],
        removed: ["0002.sql"],
        changed: ["0001.sql"],
        renamed: [{ from: "0003.sql", to: "0004.sql" }],
      },
    },
    inputs: [],
  });
});

test("many changes are shortened for people and complete for programs", async () => {
  await using project = await savedProject();
  for (let index = 0; index < 30; index++)
    await project.write(`migrations/added-${index}.sql`, `select ${index}`);
  const outcome = await project.run(["lint"], offline);
  expect(outcome.stdout.match(/\+ added/g)).toHaveLength(20);
  expect(outcome.stdout).toContain("… and 10 more");
  const { targets } = await project.json<Lint>(["lint"], offline);
  expect(targets[0]?.changes?.roots["migrations"]).toMatchObject({ added: { length: 30 } });
});

test("no kind of change crowds out another one", async () => {
  await using project = await makeProject();
  for (let index = 0; index < 50; index++) {
    await project.write(`migrations/old-${index}.sql`, `select 'old', ${index}`);
    await project.write(`migrations/from-${index}.sql`, `select 'moved', ${index}`);
  }
  expect(await project.run(["prepare", "--update-snapshot"])).toMatchObject({ exitCode: 0 });
  for (let index = 0; index < 50; index++) {
    await unlink(project.path(`migrations/old-${index}.sql`));
    await rename(project.path(`migrations/from-${index}.sql`), project.path(`migrations/to-${index}.sql`));
  }
  const { stdout } = await project.run(["lint"], offline);
  expect(stdout.match(/- old/g)).toHaveLength(20);
  expect(stdout.match(/> from/g)).toHaveLength(20);
  expect(stdout).toContain("… and 30 more removed");
  expect(stdout).toContain("… and 30 more renamed");
});

test("a target whose name looks like an option, or steers terminals, is shown and named all the same", async () => {
  await using project = await makeProject();
  const target = {
    inputs: { sql: "migrations" },
    build: { command: ["true"] },
    snapshot: { directory: "kept" },
  };
  const names = ["--force", "right\u202eto left"];
  await project.write(
    "headstart.config.ts",
    `export default ${JSON.stringify({ targets: Object.fromEntries(names.map((name) => [name, target])) })}`,
  );
  const { stdout } = await project.run(["lint"], offline);
  expect(stdout).toContain("npx headstart prepare --update-snapshot -- --force");
  expect(stdout).toContain("✗ right to left: the committed snapshot is missing");
  const named = await project.run(["lint", "--json", "--", "--force"], offline);
  expect(JSON.parse(named.stdout)).toMatchObject({ targets: [{ target: "--force", status: "missing" }] });
});

test("what is no file is named as well: version, command, rules, requirements", async () => {
  await using project = await savedProject();
  await project.configure({
    version: "another",
    build: { command: ["node", "-e", ""] },
    strip: [{ truncate: "events" }],
    require: [{ table: "events" }],
  });
  const { targets } = await project.json<Lint>(["lint"], offline);
  expect(targets[0]?.changes).toEqual({ roots: {}, inputs: ["build", "require", "strip", "version"] });
});

test("a dump of other length, without manifest, or missing is torn", async () => {
  await using project = await savedProject();
  const dump = await dumpOf(project);
  const bytes = await readFile(dump);
  const manifest = project.path("snapshots/app/fingerprint.json");
  const text = await readFile(manifest);

  await truncate(dump, bytes.length - 1);
  expect((await project.json<Lint>(["lint"], offline)).targets).toMatchObject([{ status: "torn" }]);

  await rm(dump);
  expect((await project.json<Lint>(["lint"], offline)).targets).toMatchObject([{ status: "torn" }]);

  await writeFile(dump, bytes);
  await rm(manifest);
  expect((await project.json<Lint>(["lint"], offline)).targets).toMatchObject([{ status: "torn" }]);

  await writeFile(manifest, text);
  expect(await project.json<Lint>(["lint"], offline)).toMatchObject({ exitCode: 0, fresh: true });
});

test("a flipped byte of the dump is corrupt, and version control is offered first", async () => {
  await using project = await savedProject();
  const dump = await dumpOf(project);
  const bytes = await readFile(dump);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  await writeFile(dump, bytes);
  const outcome = await project.run(["lint"], offline);
  expect(outcome.exitCode).toBe(1);
  expect(outcome.stdout).toContain("✗ app: the committed snapshot is corrupt");
  expect(outcome.stdout).toContain("git checkout -- snapshots");
});

test("a manifest with marks of a merge conflict is corrupt", async () => {
  await using project = await savedProject();
  const manifest = project.path("snapshots/app/fingerprint.json");
  await writeFile(manifest, `<<<<<<< HEAD\n${await readFile(manifest, "utf8")}`);
  const { targets } = await project.json<Lint>(["lint"], offline);
  expect(targets).toMatchObject([
    { status: "corrupt", reason: expect.stringContaining("merge conflict") as string },
  ]);
});

test("a dump that was left in Git LFS is fetched, not made anew", async () => {
  await using project = await savedProject();
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 12\n`;
  await writeFile(await dumpOf(project), pointer);
  const outcome = await project.run(["lint"], offline);
  expect(outcome.stdout).toContain("git lfs pull");
  expect(outcome.stdout).not.toContain("--update-snapshot");
});

test("the command is one for the project's own package manager, and says where to run it", async () => {
  await using project = await makeProject();
  await execa("git", ["init", "--quiet"], { cwd: project.directory });
  await project.write("pnpm-lock.yaml", "");
  const target = { inputs: { sql: "sql" }, build: { command: ["true"] }, snapshot: { directory: "kept" } };
  await project.write(
    "packages/my db/headstart.config.json",
    JSON.stringify({ targets: { "it's": target } }),
  );
  await project.write("packages/my db/sql/1.sql", "select 1");
  const outcome = await project.run(["lint"], { ...offline, cwd: "packages/my db" });
  expect(outcome.exitCode).toBe(1);
  expect(outcome.stdout).toContain("In packages/my db run:");
  expect(outcome.stdout).toContain(String.raw`pnpm exec headstart prepare 'it'\''s' --update-snapshot`);
});

test("a program that the build runs and no input covers is pointed out", async () => {
  await using project = await makeProject();
  await project.write("build.mjs", "");
  await project.configure({ build: { command: ["node", "build.mjs"] } });
  const warned = await project.json<Lint>(["lint"], offline);
  expect(warned.targets[0]?.warnings).toEqual([expect.stringContaining('"build.mjs"')]);
  await project.configure({
    inputs: { migrations: "migrations", program: "build.mjs" },
    build: { command: ["node", "build.mjs"] },
  });
  expect((await project.json<Lint>(["lint"], offline)).targets[0]?.warnings).toEqual([]);
});

test("a dump over the limit is told with the remedy, and Git LFS is one", async () => {
  await using project = await makeProject();
  await project.configure({ snapshot: { directory: "snapshots", warnAboveBytes: 10 } });
  expect(await project.run(["prepare", "--update-snapshot"])).toMatchObject({ exitCode: 0 });
  const warned = await project.json<Lint>(["lint"], offline);
  expect(warned).toMatchObject({ exitCode: 0, fresh: true });
  expect(warned.targets[0]?.warnings).toEqual([
    expect.stringContaining('git lfs track "snapshots/**/*.pgdump"'),
  ]);

  await execa("git", ["init", "--quiet"], { cwd: project.directory });
  await project.write(".gitattributes", "snapshots/**/*.pgdump filter=lfs diff=lfs merge=lfs -text\n");
  expect((await project.json<Lint>(["lint"], offline)).targets[0]?.warnings).toEqual([]);
});

test("a target without a snapshot has nothing to lint", async () => {
  await using project = await makeProject();
  await project.configure({ snapshot: undefined });
  const outcome = await project.run(["lint"], offline);
  expect(outcome).toMatchObject({ exitCode: 0, stdout: "– app: keeps no committed snapshot" });
});

test("an input that cannot be read is an error of the configuration, not a stale snapshot", async () => {
  await using project = await savedProject();
  await rm(project.path("migrations"), { recursive: true });
  const outcome = await project.json<{ error: { code: string } }>(["lint"], offline);
  expect(outcome).toMatchObject({ exitCode: 3, error: { code: "ROOT_MISSING" } });
});
