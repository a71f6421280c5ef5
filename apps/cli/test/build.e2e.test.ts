import { randomBytes } from "node:crypto";
import { on } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { privateDatabases, query } from "./fixtures/databases.ts";
import { configText, makeProject, migrateScript, type Project } from "./fixtures/project.ts";

interface Failure {
  readonly exitCode: number | undefined;
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
}

test("a build that fails shows the end of its output and where all of it is", async () => {
  await using project = await makeProject();
  await project.write(
    "fail.mjs",
    `for (let line = 1; line <= 50; line++) process.stdout.write("line " + line + "\\n");
    process.stderr.write("relation \\u001b[31mmissing\\u001b[0m does not exist\\n");
    process.exitCode = 3;`,
  );
  await project.configure({ build: { command: ["node", "fail.mjs"] } });
  const { exitCode, error } = await project.json<Failure>(["prepare"]);
  expect({ exitCode, code: error.code }).toEqual({ exitCode: 5, code: "BUILD_FAILED" });
  expect(error.message).toContain("`node fail.mjs` ended with exit code 3");
  expect(error.message).toContain("line 50");
  expect(error.message).not.toContain("line 20\n");
  expect(error.message).toContain("missing");
  expect(error.message).not.toContain("\u001b");
  const log = /in (\S+\.log)$/.exec(error.hint)?.[1] ?? "";
  expect(await readFile(log, "utf8")).toMatch(/^line 1\nline 2\n/);
});

test("a program that is not there is told as such", async () => {
  await using project = await makeProject();
  await project.configure({ build: { command: ["no-such-program"] } });
  const { exitCode, error } = await project.json<Failure>(["prepare"]);
  expect({ exitCode, code: error.code }).toEqual({ exitCode: 5, code: "BUILD_FAILED" });
  expect(error.message).toContain("not found");
});

test("a function that throws is a build that failed", async () => {
  await using project = await makeProject();
  await project.write(
    "headstart.config.ts",
    `export default { targets: { app: {
      inputs: { migrations: "migrations" },
      build: async () => { throw new Error("the seed is rotten"); },
    } } };`,
  );
  const { exitCode, error } = await project.json<Failure>(["prepare"]);
  expect({ exitCode, code: error.code }).toEqual({ exitCode: 5, code: "BUILD_FAILED" });
  expect(error.message).toContain("the seed is rotten");
});

test("the password of the server is in no output and in no log", async () => {
  await using project = await makeProject();
  const role = "cli_secret_role";
  await query(`drop role if exists ${role}`);
  await query(`create role ${role} login createdb password 'p@ss/w0rd-very-secret'`);
  await project.write(
    "tell.mjs",
    "process.stdout.write(process.env.DATABASE_URL + ' ' + process.env.PGPASSWORD); process.exitCode = 1;",
  );
  await project.configure({ build: { command: ["node", "tell.mjs"] } });
  const url = new URL(
    (await query<{ port: string }>("select current_setting('port') as port")).map(
      ({ port }) => `postgres://127.0.0.1:${port}/postgres`,
    )[0] ?? "",
  );
  url.username = role;
  url.password = encodeURIComponent("p@ss/w0rd-very-secret");
  const env = { DATABASE_URL: url.href };
  const failed = await project.run(["prepare"], { env });
  expect(failed.exitCode).toBe(5);
  expect(failed.stdout + failed.stderr).toContain("***");
  for (const args of [["prepare"], ["status"], ["doctor"], ["status", "--json"]]) {
    const { stdout, stderr } = await project.run(args, { env });
    expect(stdout + stderr, args.join(" ")).not.toMatch(/very-secret/);
  }
  const log = /in (\S+\.log)/.exec(failed.stderr)?.[1] ?? "";
  expect(await readFile(log, "utf8")).toMatch(/\*\*\*/);
  expect(await readFile(log, "utf8")).not.toContain("very-secret");
  await query(`drop role ${role}`);
});

interface EndlessProject extends Project {
  /** A name that no other target on the server has. */
  readonly target: string;
}

/** A build that starts a process of its own and then neither ends nor does anything. */
async function endlessProject(signalHandling = ""): Promise<EndlessProject> {
  const project = await makeProject();
  await project.write(
    "endless.mjs",
    `import { spawn } from "node:child_process";
    import { writeFileSync, renameSync } from "node:fs";
    ${signalHandling}
    const child = spawn(process.execPath, ["-e", "${signalHandling} setInterval(() => {}, 1000)"], { stdio: "ignore" });
    writeFileSync("pids.tmp", JSON.stringify([process.pid, child.pid]));
    renameSync("pids.tmp", "pids.json");
    setInterval(() => {}, 1000);`,
  );
  const target = `e${randomBytes(6).toString("hex")}`;
  await configureTarget(project, target, ["node", "endless.mjs"]);
  return { ...project, target };
}

async function configureTarget(
  project: Project,
  target: string,
  command: [string, ...string[]],
): Promise<void> {
  const config = { targets: { [target]: { inputs: { migrations: "migrations" }, build: { command } } } };
  await project.write("headstart.config.ts", configText(config));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits until the build runs. */
async function pidsOf(project: Project): Promise<number[]> {
  const read = async (): Promise<number[]> =>
    JSON.parse(await readFile(project.path("pids.json"), "utf8").catch(() => "[]")) as number[];
  await expect.poll(read, { timeout: 60_000 }).toHaveLength(2);
  return await read();
}

test.for([
  ["SIGTERM", 143],
  ["SIGINT", 130],
  ["SIGHUP", 129],
] as const)("%s in the middle of a build leaves neither process nor database", async ([signal, exitCode]) => {
  await using project = await endlessProject();
  const run = project.start(["prepare", "--json"]);
  const pids = await pidsOf(project);
  expect(await privateDatabases(project.target)).toHaveLength(1);
  run.kill(signal);
  const outcome = await run;
  expect(outcome.exitCode).toBe(exitCode);
  expect(JSON.parse(outcome.stdout)).toMatchObject({ error: { code: "INTERRUPTED" } });
  await expect.poll(() => pids.filter(isAlive), { timeout: 10_000 }).toEqual([]);
  expect(await privateDatabases(project.target)).toEqual([]);
});

test.for([
  ["SIGINT", 130],
  ["SIGHUP", 129],
] as const)("%s in the middle of a dump leaves neither file nor database", async ([signal, exitCode]) => {
  await using project = await makeProject();
  const target = `d${randomBytes(6).toString("hex")}`;
  await project.write(
    "migrations/0002.sql",
    "create table noise as select md5(g::text) as word from generate_series(1, 300000) g;",
  );
  const inputs = { migrations: "migrations" };
  const snapshot = { directory: "snapshots" };
  const build = { command: ["node", migrateScript] as [string, ...string[]] };
  await project.write(
    "headstart.config.ts",
    configText({ targets: { [target]: { inputs, build, snapshot } } }),
  );
  const run = project.start(["prepare", "--update-snapshot"]);
  const unfinished = async (): Promise<string[]> =>
    (await readdir(project.path(join("snapshots", target))).catch(() => [])).filter((name) =>
      /^\.new-.*\.pgdump$/.test(name),
    );
  await expect.poll(unfinished, { timeout: 60_000 }).toHaveLength(1);
  run.kill(signal);
  const { exitCode: ended, stderr } = await run;
  expect(ended).toBe(exitCode);
  expect(stderr).toContain("[INTERRUPTED]");
  expect(await unfinished()).toEqual([]);
  expect(await privateDatabases(target)).toEqual([]);
});

test("a build that does not want to end is ended", async () => {
  await using project = await endlessProject("process.on('SIGTERM', () => {});");
  const run = project.start(["prepare"]);
  const pids = await pidsOf(project);
  run.kill("SIGTERM");
  expect((await run).exitCode).toBe(143);
  await expect.poll(() => pids.filter(isAlive), { timeout: 10_000 }).toEqual([]);
  expect(await privateDatabases(project.target)).toEqual([]);
});

test("a Ctrl-C that arrives twice at once, as under npx, is one", async () => {
  await using project = await endlessProject();
  const run = project.start(["prepare", "--json"]);
  const pids = await pidsOf(project);
  run.kill("SIGINT");
  // Without waiting in between the system may make one signal of two.
  await stopping(run);
  run.kill("SIGINT");
  const { exitCode, stdout } = await run;
  expect(exitCode).toBe(130);
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: "INTERRUPTED" } });
  await expect.poll(() => pids.filter(isAlive), { timeout: 10_000 }).toEqual([]);
  expect(await privateDatabases(project.target)).toEqual([]);
});

test("the same signal again, a while later, ends the command line at once", async () => {
  await using project = await endlessProject("process.on('SIGTERM', () => {});");
  const run = project.start(["prepare"]);
  const pids = await pidsOf(project);
  run.kill("SIGINT");
  await stopping(run);
  const ended = async (): Promise<boolean> => !run.kill("SIGINT");
  await expect.poll(ended, { timeout: 10_000, interval: 20 }).toBe(true);
  expect((await run).signal).toBe("SIGINT");
  for (const pid of pids.filter(isAlive)) process.kill(pid, "SIGKILL");
});

/** Waits until the command line has said that it was told to stop. */
async function stopping({ stderr }: ReturnType<Project["start"]>): Promise<void> {
  let said = "";
  for await (const [chunk] of on(stderr, "data")) {
    said += String(chunk);
    if (said.includes("stopping (")) return;
  }
}

test("what a killed run left is gone after the next one", async () => {
  await using project = await endlessProject();
  const run = project.start(["prepare"]);
  const pids = await pidsOf(project);
  run.kill("SIGKILL");
  await run;
  await configureTarget(project, project.target, ["node", "-e", ""]);
  // The server takes a moment to notice that its client is gone.
  const next = async (): Promise<string[]> => {
    expect(await project.run(["prepare"])).toMatchObject({ exitCode: 0 });
    return await privateDatabases(project.target);
  };
  await expect.poll(next, { timeout: 60_000 }).toEqual([]);
  for (const pid of pids.filter(isAlive)) process.kill(pid, "SIGKILL");
});
