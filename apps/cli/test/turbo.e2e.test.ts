import { unlink } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { expect, test } from "vitest";
import { baseEnvironment, headstart, makeProject, type Project } from "./fixtures/project.ts";

const turboBinary = fileURLToPath(new URL("../node_modules/.bin/turbo", import.meta.url));

interface TurboRun {
  readonly exitCode: number | undefined;
  /** Whether turbo answered from its cache, without running the lint. */
  readonly cached: boolean;
  readonly output: string;
}

interface Workspace extends AsyncDisposable {
  readonly project: Project;
  readonly lint: (env?: Record<string, string>) => Promise<TurboRun>;
}

/** A turbo workspace whose package "db" lints its snapshot, by the task that headstart itself prints. */
async function makeWorkspace(): Promise<Workspace> {
  const project = await makeProject("workspace");
  await unlink(project.path("headstart.config.ts"));
  const script = headstart.map((part) => JSON.stringify(part)).join(" ");
  const files = {
    "package.json": { name: "root", private: true, packageManager: "npm@10.8.2", workspaces: ["packages/*"] },
    "package-lock.json": { name: "root", lockfileVersion: 3, packages: {} },
    "turbo.json": { tasks: { lint: {} } },
    "packages/db/package.json": { name: "db", version: "1.0.0", scripts: { lint: `${script} lint` } },
    "packages/db/headstart.config.json": {
      targets: {
        app: {
          version: project.directory,
          inputs: {
            migrations: "migrations",
            corpus: { path: "../../shared", include: ["**/*.json"], exclude: ["skipped/**"] },
            generated: "generated",
          },
          environment: ["SEED_EVENTS"],
          build: { command: ["node", "-e", ""] },
          snapshot: { directory: "snapshots" },
        },
      },
    },
  };
  for (const [path, content] of Object.entries(files)) await project.write(path, JSON.stringify(content));
  await project.write(".gitignore", "node_modules\n.turbo\n");
  await project.write("packages/db/.gitignore", "generated\n");
  await project.write("packages/db/migrations/1.sql", "create table events (id int);");
  await project.write("packages/db/generated/rows.csv", "1");
  await project.write("shared/corpus/a.json", "{}");
  await project.write("shared/skipped/b.json", "{}");
  await project.write("shared/readme.txt", "about the corpus");
  await execa("git", ["init", "--quiet"], { cwd: project.directory });

  const inPackage = { cwd: "packages/db" };
  const printed = await project.run(["lint", "--turbo"], inPackage);
  expect(printed.exitCode, printed.stderr).toBe(0);
  await project.write("packages/db/turbo.json", printed.stdout);
  return {
    project,
    lint: async (env = {}) => {
      const { exitCode, all } = await execa(turboBinary, ["run", "lint", "--summarize=false"], {
        cwd: project.directory,
        env: { ...baseEnvironment(project.directory), TURBO_TELEMETRY_DISABLED: "1", ...env },
        extendEnv: false,
        reject: false,
        all: true,
      });
      return { exitCode, cached: /cache hit/.test(all), output: all };
    },
    [Symbol.asyncDispose]: async () => await project[Symbol.asyncDispose](),
  };
}

async function update({ project }: Workspace, env: Record<string, string> = {}): Promise<void> {
  const outcome = await project.run(["prepare", "--update-snapshot"], { cwd: "packages/db", env });
  expect(outcome.exitCode, outcome.stderr).toBe(0);
}

const passed = { exitCode: 0, cached: false };
const passedFromCache = { exitCode: 0, cached: true };
const failed = { exitCode: 1, cached: false };

test("turbo runs the lint again when, and only when, its answer may be another", async () => {
  await using workspace = await makeWorkspace();
  const { project, lint } = workspace;
  expect(await lint()).toMatchObject(failed);
  await update(workspace);
  expect(await lint()).toMatchObject(passed);

  // Nothing changed, or nothing that counts: a file of another kind, one that is excluded, one of the package.
  expect(await lint()).toMatchObject(passedFromCache);
  await project.write("shared/readme.txt", "more about the corpus");
  await project.write("shared/skipped/b.json", '{ "skipped": true }');
  await project.write("packages/db/README.md", "# db");
  await project.write("packages/db/src/index.ts", "export {};");
  expect(await lint({ UNRELATED: "1" })).toMatchObject(passedFromCache);

  // Each of the inputs, within the package and outside, tracked by git and ignored.
  const edits: [path: string, before: string, after: string][] = [
    ["packages/db/migrations/1.sql", "create table events (id int);", "create table events (id bigint);"],
    ["shared/corpus/a.json", "{}", '{ "a": 1 }'],
    ["packages/db/generated/rows.csv", "1", "2"],
  ];
  for (const [path, before, after] of edits) {
    await project.write(path, after);
    const stale = await lint();
    expect(stale, path).toMatchObject(failed);
    expect(stale.output).toContain("the committed snapshot is stale");
    // A failure is never cached: it fails again, in truth.
    expect(await lint(), path).toMatchObject(failed);
    await project.write(path, before);
    expect(await lint(), path).toMatchObject(passedFromCache);
  }
});

test("turbo serves no stale pass when a declared variable or the snapshot changes", async () => {
  await using workspace = await makeWorkspace();
  const { project, lint } = workspace;
  await update(workspace);
  expect(await lint()).toMatchObject(passed);
  expect(await lint({ SEED_EVENTS: "5" })).toMatchObject(failed);
  expect(await lint()).toMatchObject(passedFromCache);

  await update(workspace, { SEED_EVENTS: "5" });
  expect(await lint()).toMatchObject(failed);
  expect(await lint({ SEED_EVENTS: "5" })).toMatchObject(passed);
  expect(await lint({ SEED_EVENTS: "5" })).toMatchObject(passedFromCache);

  await project.write("packages/db/snapshots/app/fingerprint.json", "{}");
  const corrupt = await lint({ SEED_EVENTS: "5" });
  expect(corrupt).toMatchObject(failed);
  expect(corrupt.output).toContain("the committed snapshot is corrupt");
});

test("a failing lint tells where to run what", async () => {
  await using workspace = await makeWorkspace();
  const { output } = await workspace.lint();
  expect(output).toContain("In packages/db run:");
  expect(output).toContain("npx headstart prepare app --update-snapshot");
});

test("the task of some targets reads what these read, and no unknown one is taken", async () => {
  await using project = await makeProject();
  const target = (folder: string): object => ({
    inputs: { folder },
    environment: [`SEED_${folder.toUpperCase()}`],
    build: { command: ["true"] },
  });
  const targets = { one: target("first"), two: target("second") };
  await project.write("headstart.config.ts", `export default ${JSON.stringify({ targets })}`);
  interface Task {
    readonly tasks: { readonly lint: { readonly inputs: string[]; readonly env: string[] } };
  }
  const inputsOf = async (...names: string[]): Promise<Task["tasks"]["lint"]> =>
    (await project.json<Task>(["lint", "--turbo", ...names])).tasks.lint;
  expect(await inputsOf()).toMatchObject({ env: ["SEED_FIRST", "SEED_SECOND"] });
  const two = await inputsOf("two");
  expect(two).toMatchObject({ env: ["SEED_SECOND"] });
  expect(two.inputs.join()).toContain("second");
  expect(two.inputs.join()).not.toContain("first");
  expect(await project.json(["lint", "--turbo", "three"])).toMatchObject({
    exitCode: 2,
    error: { code: "TARGET_UNKNOWN" },
  });
});
