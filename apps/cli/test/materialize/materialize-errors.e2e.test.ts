import { expect, test } from "vitest";
import { branchProject, page } from "../fixtures/branches.ts";
import { makeProject } from "../fixtures/project.ts";

interface Failure {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
}

test("an unknown repository or branch is a mistake that names the nearest known one", async () => {
  await using content = await branchProject();
  await content.commit("main", { "pages/home.md": page("Home") });
  await content.commit("drafts/prices", { "pages/prices.md": page("Prices") });
  await content.run(["sync"]);
  for (const command of ["explain", "plan", "verify", "history", "rollback", "rebuild", "redrive"]) {
    const outcome = await content.json<Failure>([command, "handbook", "drafts/price"]);
    expect(outcome, command).toMatchObject({ exitCode: 2, error: { code: "BRANCH_UNKNOWN" } });
    expect(outcome.error.message).toContain('did you mean "drafts/prices"?');
    expect(outcome.error.hint).toContain("headstart materialize");
  }
  const repository = await content.run(["pause", "handbok"]);
  expect(repository.exitCode).toBe(2);
  expect(repository.stderr).toContain('did you mean "handbook"?');
  expect(await content.json<Failure>(["explain", "handbook", "--repository", "other"])).toMatchObject({
    exitCode: 2,
    error: { code: "USAGE" },
  });
  expect(await content.run(["explain", "--repository", "handbook", "--branch", "main"])).toMatchObject({
    exitCode: 0,
  });
});

test("no configuration, a wrong one and a missing secret are told with what to do", async () => {
  await using project = await makeProject();
  expect(await project.json<Failure>(["materialize", "status"])).toMatchObject({
    exitCode: 3,
    error: { code: "CONFIG_MISSING", message: expect.stringContaining("headstart-worker.config") as string },
  });
  await project.write("headstart-worker.config.mjs", "export default { projector: [] };");
  expect(await project.json<Failure>(["materialize", "status"])).toMatchObject({
    exitCode: 3,
    error: { code: "CONFIG_INVALID", message: expect.stringContaining("projector") as string },
  });
  await using content = await branchProject();
  expect(await content.json<Failure>(["status"], { CONTENT_URL: undefined })).toMatchObject({
    exitCode: 3,
    error: { code: "SECRET_MISSING", message: expect.stringContaining("CONTENT_URL") as string },
  });
});

test("a database that is down, or that no worker has seen, is no defect", async () => {
  await using content = await branchProject();
  const down = { CONTENT_URL: "postgres://postgres:hunter2@127.0.0.1:1/postgres" };
  for (const command of ["status", "explain", "sync", "verify", "pause"]) {
    const outcome = await content.run([command], down);
    expect(outcome, command).toMatchObject({ exitCode: 4, stdout: "" });
    expect(outcome.stderr).toContain("[SERVER_UNREACHABLE]");
    expect(outcome.stderr).not.toContain("hunter2");
  }
  const empty = await content.run(["status"]);
  expect(empty).toMatchObject({ exitCode: 4 });
  expect(empty.stderr).toContain("[MATERIALIZER_ABSENT]");
  expect(empty.stderr).toContain("headstart materialize sync --here");
});

test("git that does not answer is git's failure, and what is served stays", async () => {
  await using content = await branchProject();
  await content.commit("main", { "pages/home.md": page("Home") });
  await content.run(["sync"]);
  content.server.refuse(true);
  for (const command of ["sync", "plan", "verify"]) {
    expect(await content.json<Failure>([command]), command).toMatchObject({
      exitCode: 4,
      error: { code: "GIT_TRANSIENT" },
    });
  }
  expect(await content.json(["explain"])).toMatchObject({ status: "ready", current: true });
  const status = await content.run(["status"]);
  expect(status.exitCode).toBe(1);
  expect(status.stdout).toContain("cannot be looked at");
  expect(await content.titles("main")).toEqual({ "pages/home.md": "Home" });
});

test("sync gives up at its timeout, and says how to find out why", async () => {
  await using content = await branchProject();
  await content.commit("main", { "pages/home.md": page("Home") });
  // Git allows what a shell would run.
  const hostile = "drafts/x;touch${IFS}y";
  await content.commit(hostile, { "pages/home.md": page("Home") });
  await content.run(["sync"]);
  await content.rows(
    `update headstart_materializer.branches set dirty = true, lease_token = 1, lease_owner = 'elsewhere',
       lease_until = now() + interval '1 hour'`,
  );
  const outcome = await content.run(["sync", "handbook", "main", "--timeout", "1s"]);
  expect(outcome).toMatchObject({ exitCode: 5 });
  expect(outcome.stdout).toContain("was not in sync after 1.0 s");
  expect(outcome.stderr).toContain("headstart materialize explain handbook main");
  const quoted = await content.run(["sync", "handbook", hostile, "--timeout", "1s"]);
  expect(quoted.stderr).toContain(`headstart materialize explain handbook '${hostile}'`);
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s ends a sync with its lease given back", async (signal, exitCode) => {
  await using content = await branchProject();
  await content.commit("main", { "pages/home.md": page("Home") });
  await content.run(["sync"]);
  await content.commit("main", { "pages/home.md": page("Two") });
  const held = await lockRows(content.url);
  const sync = content.start(["sync", "--here"]);
  await expect
    .poll(async () => await leases(content), { timeout: 60_000 })
    .toMatchObject([{ owner: expect.stringContaining("(headstart materialize)") as string }]);
  sync.kill(signal);
  await held.release();
  expect(await sync).toMatchObject({ exitCode });
  expect(await leases(content)).toEqual([]);
  expect(await content.run(["sync"])).toMatchObject({ exitCode: 0 });
});

async function leases({
  rows,
}: {
  rows: <R extends object>(text: string) => Promise<R[]>;
}): Promise<object[]> {
  return await rows(
    `select lease_owner as owner from headstart_materializer.branches where lease_token is not null
     union all select 'observer' from headstart_materializer.repositories where observe_until > now()`,
  );
}

/** Keeps every build from writing its rows. */
async function lockRows(url: string): Promise<{ release(): Promise<void> }> {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("begin; lock table headstart_materializer.segment_units in access exclusive mode");
  return {
    release: async () => {
      await client.query("rollback");
      await client.end();
    },
  };
}

test("help shows every command with examples, and lint loads nothing of them", async () => {
  await using project = await makeProject();
  const help = await project.run(["materialize", "--help"]);
  expect(help.exitCode).toBe(0);
  for (const command of "status explain plan sync rebuild verify redrive pause resume history rollback unpin confirm-deletions".split(
    " ",
  )) {
    expect(help.stdout).toContain(`  ${command} `);
    const own = await project.run(["materialize", command, "--help"]);
    expect(own.stdout, command).toContain(`$ headstart materialize ${command}`);
    expect(own.stdout).toContain("headstart-worker.config.*");
  }
  const env = { NODE_DEBUG: "module,esm" };
  const loaded = /packages\/materializer\/|apps\/worker\//;
  expect((await project.run(["materialize", "status"], { env })).stderr).toMatch(loaded);
  expect((await project.run(["lint"], { env })).stderr).not.toMatch(loaded);
});
