import { expect, test } from "vitest";
import { makeProject } from "./fixtures/project.ts";

test("an unknown command, option or target is a mistake that names the nearest known one", async () => {
  await using project = await makeProject();
  const command = await project.run(["prepar"]);
  expect(command).toMatchObject({ exitCode: 2, stdout: "" });
  expect(command.stderr).toContain("Did you mean prepare?");

  const option = await project.run(["prepare", "--update-snapshots"]);
  expect(option).toMatchObject({ exitCode: 2, stdout: "" });
  expect(option.stderr).toContain("Did you mean --update-snapshot?");

  const target = await project.run(["lint", "apo"]);
  expect(target).toMatchObject({ exitCode: 2, stdout: "" });
  expect(target.stderr).toContain('did you mean "app"?');
});

test("with --json every mistake is one document on standard output", async () => {
  await using project = await makeProject();
  const cases: [string[], string, number][] = [
    [["prepar"], "USAGE", 2],
    [["lint", "--unknown"], "USAGE", 2],
    [["prepare", "--from", "nowhere"], "USAGE", 2],
    [["prepare", "--force", "--from", "snapshot"], "USAGE", 2],
    [["drop"], "USAGE", 2],
    [["lint", "apo"], "TARGET_UNKNOWN", 2],
    [["lint", "--config", "nowhere.ts"], "CONFIG_MISSING", 3],
  ];
  for (const [args, code, exitCode] of cases) {
    const outcome = await project.json<{ error: { code: string; message: string; hint: string } }>(args);
    expect(outcome, args.join(" ")).toMatchObject({ exitCode, error: { code } });
    expect(outcome.error.message).not.toBe("");
    expect(outcome.error.hint).not.toBe("");
  }
});

test("help shows every command, its examples and the exit codes", async () => {
  await using project = await makeProject();
  const help = await project.run(["--help"]);
  expect(help.exitCode).toBe(0);
  for (const command of "init prepare lint fingerprint status clone drop prune verify doctor server".split(
    " ",
  )) {
    expect(help.stdout).toContain(`  ${command} `);
  }
  expect(help.stdout).toContain("Exit codes:");
  const command = await project.run(["prune", "--help"]);
  expect(command.exitCode).toBe(0);
  expect(command.stdout).toContain("headstart prune --max-size 2GB --max-age 14d --dry-run");
});

test("without a command the help is shown and the exit code tells the mistake", async () => {
  await using project = await makeProject();
  const outcome = await project.run([]);
  expect(outcome).toMatchObject({ exitCode: 2, stdout: "" });
  expect(outcome.stderr).toContain("Usage: headstart");
});

test("options stand before or after the command", async () => {
  await using project = await makeProject();
  await project.write("elsewhere.json", '{ "targets": {} }');
  for (const args of [
    ["--config", "elsewhere.json", "lint", "--json"],
    ["lint", "-c", "elsewhere.json", "--json"],
  ]) {
    const { stdout, exitCode } = await project.run(args);
    expect(exitCode).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "CONFIG_INVALID" } });
  }
});

test("nothing is coloured where there is no terminal", async () => {
  await using project = await makeProject();
  const outcome = await project.run(["lint"], { env: { FORCE_COLOR: "1", CI: "1" } });
  expect(outcome.exitCode).toBe(1);
  expect(outcome.stdout + outcome.stderr).not.toContain("\u001b");
});

test("a reader that stops reading is no failure", async () => {
  await using project = await makeProject();
  const process = project.start(["--help"]);
  process.stdout.destroy();
  expect((await process).stderr).toBe("");
});
