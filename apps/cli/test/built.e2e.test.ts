import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { expect, test } from "vitest";
import { baseEnvironment, headstart, makeProject } from "./fixtures/project.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

interface Built extends AsyncDisposable {
  readonly main: string;
}

/** The program as it is published, without its types; in a folder from which its dependencies are found. */
async function build(): Promise<Built> {
  const cache = join(root, "node_modules", ".cache");
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, "built-"));
  const dist = join(folder, "dist");
  await execa("tsup", ["--no-dts", "--no-sourcemap", "--out-dir", dist], { cwd: root, preferLocal: true });
  await cp(join(root, "package.json"), join(folder, "package.json"));
  return {
    main: join(dist, "main.js"),
    [Symbol.asyncDispose]: async () => await rm(folder, { recursive: true }),
  };
}

test("the built program finds its threads, and with them undeclared variables", async () => {
  await using built = await build();
  await using project = await makeProject();
  await project.write(
    "headstart.config.ts",
    `export default {
      targets: { app: { version: process.env.FOO ?? 1, inputs: { migrations: "migrations" }, build: { command: ["true"] } } },
    };`,
  );
  const [node, ...flags] = headstart.slice(0, -1) as [string, ...string[]];
  const run = async (env: Record<string, string>): Promise<{ stdout: string }> =>
    await execa(node, [...flags, built.main, "fingerprint", "--json"], {
      cwd: project.directory,
      env: { ...baseEnvironment(project.directory), ...env },
      extendEnv: false,
      reject: false,
    });
  expect(JSON.parse((await run({})).stdout)).toMatchObject({ targets: [{ target: "app" }] });
  expect(JSON.parse((await run({ FOO: "2" })).stdout)).toMatchObject({
    error: { code: "CONFIG_ENVIRONMENT", message: expect.stringContaining("FOO") as string },
  });
});
