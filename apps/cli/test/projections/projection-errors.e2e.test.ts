import { expect, inject, test } from "vitest";
import { makeProject } from "../fixtures/project.ts";
import { moduleText, projectionProject } from "../fixtures/projections.ts";

interface Failure {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
}

test("a configuration without projections is told what to add", async () => {
  await using project = await makeProject();
  expect(await project.json<Failure>(["projections", "status"])).toMatchObject({
    exitCode: 3,
    error: { code: "PROJECTIONS_UNCONFIGURED", hint: expect.stringContaining("module:") as string },
  });
});

test("a module that is absent, throws, or exports something else is named with what was expected", async () => {
  await using ledger = await projectionProject();
  const failure = async (): Promise<Failure["error"]> => (await ledger.json<Failure>(["status"])).error;
  await ledger.project.write("projections.ts", 'throw new Error("not today");');
  expect(await failure()).toMatchObject({
    code: "PROJECTIONS_INVALID",
    message: expect.stringContaining("not today") as string,
  });
  await ledger.project.write("projections.ts", "export default { projectons: [], keep: -1 };");
  const { code, message } = await failure();
  expect(code).toBe("PROJECTIONS_INVALID");
  expect(message).toContain('projectons: no such key; did you mean "projections"?');
  expect(message).toContain("projections: expected a list, got nothing");
  expect(message).toContain("keep: expected a whole number, 0 or more, got -1");
  await ledger.project.write("projections.ts", "export default { projections: [{ name: 'x' }] };");
  expect((await failure()).message).toContain(
    "projections[0]: expected what defineProjection() returned, got an object",
  );
  await ledger.project.configure({}, { projections: { module: "nowhere.ts", address: "LEDGER_URL" } });
  expect((await failure()).message).toContain("nowhere.ts");
});

test("the library's own refusal of the options is a mistake of the configuration", async () => {
  const twice = moduleText().replace("[balances]", "[balances, balances]");
  await using ledger = await projectionProject(twice);
  expect(await ledger.json<Failure>(["status"])).toMatchObject({
    exitCode: 3,
    error: { code: "OPTION_INVALID", message: "two projections are named balances" },
  });
});

test("a projection that does not exist is a mistake of the command line, with the one that was meant", async () => {
  await using ledger = await projectionProject();
  for (const args of [["status"], ["verify"], ["rebuild"], ["prebuild"], ["redrive"]]) {
    expect(await ledger.json<Failure>([...args, "balance"]), args[0]).toMatchObject({
      exitCode: 2,
      error: {
        code: "PROJECTION_UNKNOWN",
        message: 'no projection "balance" (did you mean "balances"?)',
        hint: "it is one of: balances",
      },
    });
  }
});

test("verify of what was never built is refused with what builds it", async () => {
  await using ledger = await projectionProject();
  const { exitCode, stderr } = await ledger.run(["verify"]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain("[PROJECTION_REFUSED]");
  expect(stderr).toContain('rebuild("balances")');
});

test("options that mean nothing are refused before anything is opened", async () => {
  await using ledger = await projectionProject();
  for (const args of [
    ["verify", "--share", "0"],
    ["verify", "--share", "1.2"],
    ["verify", "--rate", "0"],
    ["verify", "--round", "x"],
    ["rebuild"],
    ["rebiuld", "balances"],
  ]) {
    expect(await ledger.json<Failure>(args), args.join(" ")).toMatchObject({
      exitCode: 2,
      error: { code: "USAGE" },
    });
  }
});

test("no address, a server that is down, a wrong password and an absent database are four answers", async () => {
  await using ledger = await projectionProject();
  const status = async (url: string | undefined): Promise<Failure & { exitCode: number | undefined }> =>
    await ledger.project.json<Failure>(["projections", "status"], { env: { LEDGER_URL: url } });
  expect(await status(undefined)).toMatchObject({
    exitCode: 2,
    error: { code: "USAGE", message: "the variable LEDGER_URL names no database" },
  });
  expect(await status("postgres://postgres@127.0.0.1:1/ledger")).toMatchObject({
    exitCode: 4,
    error: { code: "SERVER_UNREACHABLE" },
  });
  const wrong = new URL(ledger.url);
  wrong.password = "hunter2";
  const refused = await status(wrong.href);
  expect(refused).toMatchObject({ exitCode: 4, error: { code: "AUTHENTICATION_FAILED" } });
  expect(JSON.stringify(refused)).not.toContain("hunter2");
  const absent = new URL(ledger.url);
  absent.pathname = "/atlantis";
  expect(await status(absent.href)).toMatchObject({
    exitCode: 5,
    error: { code: "QUERY_FAILED", message: expect.stringContaining('"atlantis"') as string },
  });
});

test("--database names a database of the same server, and of the configured one where no address is given", async () => {
  await using ledger = await projectionProject();
  const other = new URL(ledger.url);
  other.pathname = "/postgres";
  const args = ["projections", "rebuild", "balances", "--database", ledger.database];
  const run = async (env: Record<string, string | undefined>): Promise<unknown> =>
    await ledger.project.json(args, { env });
  expect(await run({ LEDGER_URL: other.href })).toMatchObject({ exitCode: 0 });
  expect(await run({ LEDGER_URL: undefined, DATABASE_URL: inject("serverUrl") })).toMatchObject({
    exitCode: 0,
    projections: [{ projection: "balances" }],
  });
});

test("help of the group lists its commands, and help of a command its examples", async () => {
  await using project = await makeProject();
  const group = await project.run(["help", "projections"]);
  for (const name of ["status", "verify", "rebuild", "prebuild", "redrive", "restamp"]) {
    expect(group.stdout).toMatch(new RegExp(`^ {2}${name}\\b`, "m"));
    const { stdout, exitCode } = await project.run(["projections", name, "--help"]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples:\\n {2}\\$ headstart projections ${name}`));
  }
});
