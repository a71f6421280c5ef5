import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { env } from "node:process";
import { expect, test, vi } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";

const target = { inputs: { migrations: "migrations" }, build: { command: ["true"] } };

interface Folder extends AsyncDisposable {
  readonly path: string;
}

async function folderWith(files: Record<string, string>): Promise<Folder> {
  const path = await realpath(await mkdtemp(join(tmpdir(), "headstart-config-")));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), content);
  }
  return { path, [Symbol.asyncDispose]: async () => await rm(path, { recursive: true }) };
}

const json = JSON.stringify({ targets: { app: target } });

test.for([
  ["headstart.config.ts", `import type { X } from "x"; const y = ${json} as X; export default y;`],
  ["headstart.config.js", `module.exports = ${json};`],
  ["headstart.config.mjs", `export default ${json};`],
  ["headstart.config.json", json],
] as const)("%s is found from a folder below it", async ([name, content]) => {
  await using folder = await folderWith({ [name]: content, "deep/below/file": "" });
  const loaded = await loadConfig({ cwd: join(folder.path, "deep", "below"), configFile: undefined });
  expect(loaded).toMatchObject({ file: join(folder.path, name), directory: folder.path });
  expect(Object.keys(loaded.config.targets)).toEqual(["app"]);
});

test("the nearest file counts, and two in one folder are a mistake", async () => {
  await using folder = await folderWith({
    "headstart.config.json": "{}",
    "inner/headstart.config.json": json,
    "double/headstart.config.json": json,
    "double/headstart.config.mjs": `export default ${json}`,
  });
  const inner = join(folder.path, "inner");
  expect((await loadConfig({ cwd: inner, configFile: undefined })).directory).toBe(inner);
  const double = join(folder.path, "double");
  await expect(loadConfig({ cwd: double, configFile: undefined })).rejects.toMatchObject({
    code: "CONFIG_AMBIGUOUS",
  });
  const chosen = await loadConfig({ cwd: double, configFile: "headstart.config.json" });
  expect(chosen.directory).toBe(double);
});

test("a file that is absent, broken or throws is told apart", async () => {
  await using folder = await folderWith({
    "broken.json": "{",
    "throws.mjs": 'throw new Error("no way")',
    "imports.ts": 'import "./nowhere.ts"; export default {};',
  });
  const load = async (configFile: string | undefined): Promise<unknown> =>
    await loadConfig({ cwd: folder.path, configFile });
  await expect(load(undefined)).rejects.toMatchObject({ code: "CONFIG_MISSING" });
  await expect(load("nowhere.json")).rejects.toMatchObject({ code: "CONFIG_MISSING" });
  await expect(load("nowhere.ts")).rejects.toMatchObject({ code: "CONFIG_MISSING" });
  await expect(load("broken.json")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(load("throws.mjs")).rejects.toThrow("no way");
  await expect(load("imports.ts")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});

test("JSON that does not parse is told what JSON allows", async () => {
  await using folder = await folderWith({ "broken.json": "{,}", "throws.mjs": 'throw new Error("no way")' });
  const hintOf = async (configFile: string): Promise<string> =>
    await loadConfig({ cwd: folder.path, configFile }).then(
      () => "no error",
      (error: { hint: string }) => error.hint,
    );
  expect(await hintOf("broken.json")).toBe(
    "mend the JSON: it allows neither comments nor a comma after the last item",
  );
  expect(await hintOf("throws.mjs")).toBe("mend the file: this is what its evaluation threw");
});

test.for([
  [{ all: "." }, "snapshots"],
  [{ files: { path: ".", include: ["**/*.json"] } }, "./snapshots/"],
  [{ files: { path: "db", exclude: ["app/*.pgdump"] } }, "db/snapshots"],
] as const)("a snapshot among its own inputs %j is refused", async ([inputs, directory]) => {
  const config = { targets: { app: { ...target, inputs, snapshot: { directory } } } };
  await using folder = await folderWith({ "headstart.config.json": JSON.stringify(config) });
  await expect(loadConfig({ cwd: folder.path, configFile: undefined })).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining("each save would outdate itself") as string,
    hint: expect.stringContaining("exclude") as string,
  });
});

test.for([
  [{ files: { path: ".", exclude: ["snapshots/**"] } }, "snapshots"],
  [{ files: { path: ".", include: ["**/*.sql"] } }, "snapshots"],
  [{ files: { path: ".", gitignore: true } }, "ignored/snapshots"],
  [{ files: "db" }, "db-snapshots"],
] as const)("a snapshot beside its inputs %j is fine", async ([inputs, directory]) => {
  const config = { targets: { app: { ...target, inputs, snapshot: { directory } } } };
  await using folder = await folderWith({
    "headstart.config.json": JSON.stringify(config),
    ".git/HEAD": "",
    ".gitignore": "/ignored/",
  });
  const { config: loaded } = await loadConfig({ cwd: folder.path, configFile: undefined });
  expect(Object.keys(loaded.targets)).toEqual(["app"]);
});

test("paths of the server are relative to the file", async () => {
  const server = {
    embedded: { directory: "postgres", binaries: "/opt/pg/bin" },
    tools: { directory: "../tools" },
  };
  await using folder = await folderWith({
    "headstart.config.json": JSON.stringify({ server, targets: { app: target } }),
  });
  const { config } = await loadConfig({ cwd: folder.path, configFile: undefined });
  expect(config.server).toEqual({
    embedded: { directory: join(folder.path, "postgres"), binaries: "/opt/pg/bin" },
    tools: { directory: join(dirname(folder.path), "tools") },
  });
});

test("the environment is as it was after a configuration was evaluated", async () => {
  await using folder = await folderWith({ "headstart.config.mjs": "throw new Error(process.env.HOME)" });
  const before = process.env;
  await expect(loadConfig({ cwd: folder.path, configFile: undefined })).rejects.toThrow();
  expect(process.env).toBe(before);
  expect(env).toBe(before);
});

test("what a module looked at is not forgotten when it comes from the cache of modules", async () => {
  await using folder = await folderWith({
    "headstart.config.mjs": `
      export default { targets: { app: { ...${JSON.stringify(target)}, version: process.env.LOAD_CONFIG_TEST ?? 1 } } };`,
  });
  vi.stubEnv("LOAD_CONFIG_TEST", "2");
  try {
    for (let attempt = 1; attempt <= 2; attempt++) {
      await expect(loadConfig({ cwd: folder.path, configFile: undefined })).rejects.toMatchObject({
        code: "CONFIG_ENVIRONMENT",
        hint: expect.stringContaining("LOAD_CONFIG_TEST") as string,
      });
    }
  } finally {
    vi.unstubAllEnvs();
  }
});

test("two configurations may be evaluated at once", async () => {
  await using folder = await folderWith({
    "one.mjs": `export default ${json}; process.env.HOME;`,
    "two.mjs": `export default ${json}; process.env.PATH;`,
  });
  const before = process.env;
  const load = async (configFile: string): Promise<unknown> =>
    await loadConfig({ cwd: folder.path, configFile });
  await Promise.all([load("one.mjs"), load("two.mjs"), load("two.mjs")]);
  expect(process.env).toBe(before);
});
