import { once } from "node:events";
import { expect, test } from "vitest";
import { query } from "./fixtures/databases.ts";
import { makeProject, type Project } from "./fixtures/project.ts";

/** A configuration that prints, and whose build prints and passes on more than a pipe holds. */
async function talkativeProject(): Promise<Project> {
  const project = await makeProject();
  await project.write(
    "headstart.config.ts",
    `import { spawn } from "node:child_process";
import { once } from "node:events";
import { defineConfig } from "@headstart/cli";

console.log("the configuration speaks");

export default defineConfig({
  targets: {
    app: {
      version: "${project.directory}",
      inputs: { migrations: "migrations" },
      build: async () => {
        console.log("the build speaks");
        const child = spawn(process.execPath, ["-e", "process.stdout.write('x'.repeat(1_000_000) + '|end')"]);
        child.stdout.pipe(process.stdout, { end: false });
        await once(child, "close");
      },
      snapshot: { directory: "snapshots" },
    },
  },
});
`,
  );
  return project;
}

test("what a configuration and a build print is no part of the one document", async () => {
  await using project = await talkativeProject();
  const { stdout, stderr, exitCode } = await project.run(["prepare", "--json"]);
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ targets: [{ tier: "build" }] });
  expect(stderr).toContain("the configuration speaks");
  expect(stderr).toContain("the build speaks");
  expect(stderr).toContain("x|end");
});

test("a clone's address is all of standard output, whatever the configuration prints", async () => {
  await using project = await talkativeProject();
  const { stdout, stderr } = await project.run(["clone"]);
  expect(stderr).toContain("the configuration speaks");
  const [row] = await query<{ name: string }>("select current_database() as name", { url: stdout });
  expect(await project.run(["drop", row?.name ?? ""])).toMatchObject({ exitCode: 0 });
});

test("help and version still go to standard output", async () => {
  await using project = await makeProject();
  expect((await project.run(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+$/);
  expect((await project.run(["help", "lint"])).stdout).toContain("Usage: headstart lint");
});

test("work goes on to its end when nobody reads standard error any more", async () => {
  await using project = await makeProject();
  await project.write(
    "wait.mjs",
    `import { existsSync } from "node:fs";
    const waiting = setInterval(() => existsSync("closed") && clearInterval(waiting), 10);`,
  );
  await project.configure({ build: { command: ["node", "wait.mjs"] } });
  const run = project.start(["prepare", "--json"]);
  await once(run.stderr, "data");
  run.stderr.destroy();
  await once(run.stderr, "close");
  await project.write("closed", "");
  const { exitCode, stdout } = await run;
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ targets: [{ tier: "build" }] });
});
