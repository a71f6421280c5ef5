import { chmod, mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { findPostgres } from "@headstart/pg-snapshot";
import { expect, test } from "vitest";
import { query } from "./fixtures/databases.ts";
import { makeProject, type Project } from "./fixtures/project.ts";

/** Without a server's address; the embedded one lives in the project. */
const own = { env: { DATABASE_URL: undefined } };

async function embeddedProject(): Promise<Project> {
  const project = await makeProject();
  await project.configure({}, { server: { embedded: { directory: "postgres" } } });
  return {
    ...project,
    [Symbol.asyncDispose]: async () => {
      await project.run(["server", "stop"], own);
      await project[Symbol.asyncDispose]();
    },
  };
}

interface ServerStatus {
  readonly running: boolean;
  readonly url?: string;
  readonly dataDirectory?: string;
}

test("without an address a server is started, ends with the command, and keeps its templates", async () => {
  await using project = await embeddedProject();
  expect(await project.json(["status"], own)).toMatchObject({
    exitCode: 0,
    server: { status: "never-started" },
    targets: [{ template: "absent" }],
  });
  const first = await project.run(["prepare"], own);
  expect(first.exitCode, first.stderr).toBe(0);
  expect(first.stderr).toContain("server  starting");
  expect(await project.json(["server", "status"], own)).toMatchObject({ exitCode: 1, running: false });
  expect(await project.json(["prepare"], own)).toMatchObject({ targets: [{ tier: "template" }] });
  expect(await project.json(["status"], own)).toMatchObject({ targets: [{ template: "ready" }] });
  expect(await project.json<ServerStatus>(["server", "status"], own)).toMatchObject({ running: false });
});

test("server start lets it stay, shows its password only when asked, and stop ends it", async () => {
  await using project = await embeddedProject();
  const started = await project.run(["server", "start"], own);
  expect(started.exitCode, started.stderr).toBe(0);
  expect(started.stdout).toMatch(/^embedded server +Postgres \d+ on 127\.0\.0\.1:\d+, pid \d+/);
  expect(started.stdout).not.toContain("postgres://");
  const shown = await project.json<ServerStatus>(["server", "status"], own);
  expect(shown).toMatchObject({ exitCode: 0, running: true, staysRunning: true });
  expect(shown.url).toBeUndefined();
  expect(shown.dataDirectory).toContain(project.path("postgres"));

  const { stdout: url } = await project.run(["server", "status", "--url"], own);
  expect(await query("select 1 as one", { url })).toEqual([{ one: 1 }]);
  expect(await project.run(["doctor"], own)).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/ok +rights +postgres may create databases/) as string,
  });

  expect(await project.json(["server", "stop"], own)).toMatchObject({ exitCode: 0, stopped: true });
  expect(await project.json(["server", "stop"], own)).toMatchObject({ exitCode: 0, stopped: false });
  expect(await project.run(["server", "status"], own)).toMatchObject({ exitCode: 1 });
});

test("the server is started with the configured settings", async () => {
  await using project = await embeddedProject();
  const settings = { work_mem: "7MB" };
  await project.configure({}, { server: { embedded: { directory: "postgres", settings } } });
  const { stdout: url, stderr } = await project.run(["server", "start", "--url"], own);
  expect(await query("show work_mem", { url }), stderr).toEqual([{ work_mem: "7MB" }]);
});

test("a clone on the embedded server keeps it running, and says so", async () => {
  await using project = await embeddedProject();
  const clone = await project.run(["clone"], own);
  expect(clone.exitCode, clone.stderr).toBe(0);
  expect(clone.stderr).toContain("stays running until: headstart server stop");
  expect(await query("select count(*)::int as rows from events", { url: clone.stdout })).toEqual([
    { rows: 100 },
  ]);
});

test("a failed clone leaves no server behind", async () => {
  await using project = await embeddedProject();
  await project.configure(
    { build: { command: ["node", "-e", "process.exitCode = 1"] } },
    { server: { embedded: { directory: "postgres" } } },
  );
  expect(await project.run(["clone"], own)).toMatchObject({ exitCode: 5 });
  expect(await project.json(["server", "status"], own)).toMatchObject({ running: false });
});

test("tools that lie beside the configured programs are found", async () => {
  await using project = await embeddedProject();
  const { directory, version } = await findPostgres();
  await mkdir(project.path("programs"));
  for (const name of ["initdb", "postgres", "pg_restore"]) {
    await symlink(join(directory, name), project.path(`programs/${name}`));
  }
  const release = `${Number.parseInt(version, 10)}.99`;
  const dump = `case "$1" in --version) echo 'pg_dump (PostgreSQL) ${release}' ;; *) exec '${directory}/pg_dump' "$@" ;; esac`;
  await project.write("programs/pg_dump", `#!/bin/sh\n${dump}\n`);
  await chmod(project.path("programs/pg_dump"), 0o755);
  await project.configure({}, { server: { embedded: { directory: "postgres", binaries: "programs" } } });
  const { checks } = await project.json<{ checks: object[] }>(["doctor"], own);
  expect(checks).toContainEqual({
    name: "pg_dump",
    verdict: "ok",
    detail: `${release}, ${project.path("programs/pg_dump")}`,
  });
  expect(await project.json(["prepare", "--update-snapshot"], own)).toMatchObject({ exitCode: 0 });
  const manifest = await readFile(project.path("snapshots/app/fingerprint.json"), "utf8");
  expect(JSON.parse(manifest)).toMatchObject({ pgDumpVersion: release });
});

test("a machine without Postgres is told what to install", async () => {
  await using project = await embeddedProject();
  await project.configure({}, { server: { embedded: { directory: "postgres", binaries: "nowhere" } } });
  const failed = await project.json<{ error: { hint: string } }>(["prepare"], own);
  expect(failed).toMatchObject({ exitCode: 4, error: { code: "POSTGRES_MISSING" } });
  expect(await project.json(["doctor"], own)).toMatchObject({ exitCode: 4, healthy: false });
});
