import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { query } from "./fixtures/databases.ts";
import { makeProject } from "./fixtures/project.ts";

interface PreparedJson {
  readonly targets: readonly {
    readonly tier: string;
    readonly template: string;
    readonly snapshot?: string;
    readonly saved: { readonly status: string };
    readonly steps: readonly { readonly tier: string; readonly outcome: string; readonly reason: string }[];
    readonly warnings: string[];
  }[];
}

test("the first run builds, the second is served by the template, and both say why", async () => {
  await using project = await makeProject();
  const first = await project.run(["prepare"]);
  expect(first.exitCode).toBe(0);
  expect(first.stdout).toMatch(/^app is ready from the build tier in /);
  expect(first.stdout).toMatch(/template +missed +no template database of this content/);
  expect(first.stdout).toMatch(/snapshot +missed +no snapshot in/);
  expect(first.stdout).toMatch(/times +.*build /);
  expect(first.stderr).toMatch(/app {2}building/);

  const second = await project.json<PreparedJson>(["prepare"]);
  expect(second).toMatchObject({
    exitCode: 0,
    targets: [{ tier: "template", steps: [{ outcome: "served" }] }],
  });
  expect(first.stdout).toContain(second.targets[0]?.template);
});

test("--update-snapshot ends with a fresh snapshot whichever tier served", async () => {
  await using project = await makeProject();
  const update = async (...args: string[]): Promise<PreparedJson["targets"][number] | undefined> => {
    const outcome = await project.json<PreparedJson>(["prepare", "--update-snapshot", ...args]);
    expect(outcome.exitCode, JSON.stringify(outcome)).toBe(0);
    expect(await project.run(["lint"])).toMatchObject({ exitCode: 0 });
    return outcome.targets[0];
  };
  const edit = async (text: string): Promise<void> =>
    await project.write("migrations/0001.sql", `create table events as select '${text}' as id`);

  expect(await update()).toMatchObject({ tier: "build", saved: { status: "saved" }, snapshot: "fresh" });
  expect(await update()).toMatchObject({ tier: "template", saved: { status: "unchanged" } });
  expect(await update("--from", "snapshot")).toMatchObject({ tier: "snapshot", snapshot: "fresh" });

  // The template is there and the snapshot is another content's: what the original tool never repaired.
  await edit("other");
  expect(await project.run(["prepare"])).toMatchObject({ exitCode: 0 });
  expect(await project.run(["lint"])).toMatchObject({ exitCode: 1 });
  expect(await update()).toMatchObject({ tier: "template", saved: { status: "saved" } });

  await edit("third");
  expect(await update("--force")).toMatchObject({ tier: "build", saved: { status: "saved" } });
  expect(await update("--force")).toMatchObject({ tier: "build" });
});

test("--force runs the build whatever is there", async () => {
  await using project = await makeProject();
  const count = project.path("builds.txt");
  await project.write(
    "count.mjs",
    'import { appendFileSync } from "node:fs"; appendFileSync("builds.txt", "x");',
  );
  await project.configure({ build: { command: ["node", "count.mjs"] } });
  await writeFile(count, "");
  const builds = async (...args: string[]): Promise<string> => {
    expect(await project.run(["prepare", ...args])).toMatchObject({ exitCode: 0 });
    return await readFile(count, "utf8");
  };
  expect(await builds("--update-snapshot")).toBe("x");
  expect(await builds()).toBe("x");
  expect(await builds("--from", "snapshot")).toBe("x");
  expect(await builds("--force")).toBe("xx");
  expect(await builds("--force", "--from", "build")).toBe("xxx");
  expect(await builds("--from", "build")).toBe("xxxx");
});

test("--from serves from that tier or says what it lacks", async () => {
  await using project = await makeProject();
  const absent = await project.json<{ error: { code: string } }>(["prepare", "--from", "template"]);
  expect(absent).toMatchObject({ exitCode: 1, error: { code: "TEMPLATE_ABSENT" } });
  const missing = await project.json<{ error: { code: string } }>(["prepare", "--from", "snapshot"]);
  expect(missing).toMatchObject({ exitCode: 1, error: { code: "SNAPSHOT_MISSING" } });
  expect(await project.run(["prepare", "--from", "build"])).toMatchObject({ exitCode: 0 });
  expect(await project.run(["prepare", "--from", "template"])).toMatchObject({ exitCode: 0 });
});

test("a damaged snapshot falls to the build, which says so", async () => {
  await using project = await makeProject();
  expect(await project.run(["prepare", "--update-snapshot"])).toMatchObject({ exitCode: 0 });
  const { targets } = await project.json<PreparedJson>(["prepare"]);
  await query(`alter database ${targets[0]?.template} is_template false`);
  await query(`drop database ${targets[0]?.template}`);
  await project.write("snapshots/app/fingerprint.json", "{");
  const outcome = await project.run(["prepare"]);
  expect(outcome.exitCode).toBe(0);
  expect(outcome.stdout).toContain("from the build tier");
  expect(outcome.stdout).toMatch(/snapshot +\w+ +.*fingerprint\.json/);
  expect(outcome.stdout).toContain(
    "! the committed snapshot is corrupt: headstart prepare app --update-snapshot",
  );
});

test("without the tools a run says how to get them, where the snapshot is restored and where it is saved", async () => {
  await using project = await makeProject();
  await project.configure({ snapshot: { directory: "snapshots", save: "after-build" } });
  const { targets } = await project.json<PreparedJson>(["prepare"]);
  await query(`alter database ${targets[0]?.template} is_template false`);
  await query(`drop database ${targets[0]?.template}`);
  await project.write("tools/README", "no tools here");
  const env = { HEADSTART_PG_TOOLS: project.path("tools") };
  const fix = "correct HEADSTART_PG_TOOLS or the tools' directory, or leave it out to search everywhere";
  expect(await project.json(["prepare", "--from", "snapshot"], { env })).toMatchObject({
    exitCode: 4,
    error: { code: "TOOL_MISSING", hint: fix },
  });
  const { exitCode, stdout } = await project.run(["prepare"], { env });
  expect(exitCode).toBe(0);
  expect(stdout.match(/^ +fix +(.*)$/gm)?.map((line) => line.trim().replace(/^fix +/, ""))).toEqual([
    fix,
    fix,
  ]);
});

test("two checkouts share a template while their content is equal, and do not disturb each other when it is not", async () => {
  await using one = await makeProject("one");
  await using other = await makeProject("other");
  const version = one.directory;
  for (const project of [one, other]) await project.configure({ version });
  const tierOf = async (project: typeof one): Promise<string | undefined> =>
    (await project.json<PreparedJson>(["prepare"])).targets[0]?.tier;
  expect(await tierOf(one)).toBe("build");
  expect(await tierOf(other)).toBe("template");
  await other.write("migrations/0002.sql", "create table more (id int)");
  expect(await tierOf(other)).toBe("build");
  expect(await tierOf(one)).toBe("template");
  expect(await tierOf(other)).toBe("template");
});

test("a snapshot is saved after each build where the target says so", async () => {
  await using project = await makeProject();
  await project.configure({ snapshot: { directory: "kept", save: "after-build" } });
  const outcome = await project.json<PreparedJson>(["prepare"]);
  expect(outcome.targets[0]).toMatchObject({ tier: "build", saved: { status: "saved" }, snapshot: "fresh" });
});

test("a target that keeps no snapshot cannot have one updated", async () => {
  await using project = await makeProject();
  await project.configure({ snapshot: undefined });
  const outcome = await project.json<{ error: { code: string } }>(["prepare", "--update-snapshot"]);
  expect(outcome).toMatchObject({ exitCode: 3, error: { code: "SNAPSHOT_UNCONFIGURED" } });
});

test("requirements that are not met refuse the build", async () => {
  await using project = await makeProject();
  await project.configure({ require: [{ table: "events", rows: 101 }] });
  const outcome = await project.json<{ error: { code: string; message: string } }>(["prepare"]);
  expect(outcome).toMatchObject({ exitCode: 5, error: { code: "REQUIREMENT_UNMET" } });
  expect(outcome.error.message).toContain("fewer than 101 rows");
});

test("inputs that are edited while the build runs are told, and nothing is saved", async () => {
  await using project = await makeProject();
  await project.write(
    "edit.mjs",
    'import { appendFileSync } from "node:fs"; appendFileSync("migrations/0001.sql", " -- edited");',
  );
  await project.configure({ build: { command: ["node", "edit.mjs"] } });
  const outcome = await project.json<{ error: { code: string; message: string } }>([
    "prepare",
    "--update-snapshot",
  ]);
  expect(outcome).toMatchObject({ exitCode: 5, error: { code: "INPUTS_CHANGED" } });
  expect(outcome.error.message).toContain("~ 0001.sql");
  expect(await project.run(["lint"])).toMatchObject({ exitCode: 1 });
});

test("a hostile name, a path with spaces and letters of other scripts are no obstacle", async () => {
  await using project = await makeProject("my prøjékt 数据");
  const name = `it's "the" target; drop database postgres; -- ${"ü".repeat(200)}`;
  await project.write(
    "headstart.config.json",
    JSON.stringify({
      targets: {
        [name]: {
          inputs: { größe: "migrations" },
          build: { command: ["node", "-e", ""] },
          snapshot: { directory: "schnapp schüsse" },
        },
      },
    }),
  );
  const config = ["--config", "headstart.config.json"];
  expect(await project.run(["prepare", name, "--update-snapshot", ...config])).toMatchObject({ exitCode: 0 });
  expect(await project.run(["prepare", name, "--from", "snapshot", ...config])).toMatchObject({
    exitCode: 0,
  });
  expect(await project.run(["lint", ...config])).toMatchObject({ exitCode: 0 });
  expect(await project.run(["drop", name, ...config])).toMatchObject({ exitCode: 0 });
});
