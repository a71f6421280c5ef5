import { expect, test } from "vitest";
import { query } from "./fixtures/databases.ts";
import { makeProject } from "./fixtures/project.ts";

async function exists(name: string): Promise<boolean> {
  return (await query("select 1 from pg_database where datname = $1", { values: [name] })).length > 0;
}

test("clone answers with a URL alone, of a database that stays until it is dropped", async () => {
  await using project = await makeProject();
  const { stdout, stderr, exitCode } = await project.run(["clone"]);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^postgres:\/\/\S+\/hs_k_app_\w+\S*$/);
  expect(stderr).toContain(`psql '${stdout}'`);
  expect(await query("select count(*)::int as rows from events", { url: stdout })).toEqual([{ rows: 100 }]);

  const name = new URL(stdout).pathname.slice(1);
  expect(stderr).toContain(`headstart drop ${name}`);
  expect(await project.run(["drop", name])).toMatchObject({ exitCode: 0, stdout: `dropped ${name}` });
  expect(await exists(name)).toBe(false);
});

test("clones have their own content, and a name where one is given", async () => {
  await using project = await makeProject();
  const name = `Kept "by" me ${process.pid}`;
  const one = await project.json<{ name: string; url: string; tier: string }>([
    "clone",
    "app",
    "--name",
    name,
  ]);
  expect(one).toMatchObject({ exitCode: 0, name, tier: "build" });
  const other = await project.json<{ url: string }>(["clone", "app"]);
  await query("delete from events", { url: one.url });
  expect(await query("select count(*)::int as rows from events", { url: other.url })).toEqual([
    { rows: 100 },
  ]);

  expect(await project.json(["clone", "--name", name])).toMatchObject({
    exitCode: 2,
    error: { code: "NAME_TAKEN", hint: expect.stringContaining("choose another name") as string },
  });
  expect(await project.json(["clone", "--name", "hs_c_of_mine"])).toMatchObject({
    exitCode: 2,
    error: { code: "NAME_INVALID", message: expect.stringContaining("swept") as string },
  });
  expect(await project.json(["drop", name])).toMatchObject({ exitCode: 0, dropped: [name] });
  expect(await project.run(["drop", new URL(other.url).pathname.slice(1)])).toMatchObject({ exitCode: 0 });
});

test("drop refuses what headstart did not make, and says no to what is not there", async () => {
  await using project = await makeProject();
  const foreign = `somebody_else_${process.pid}`;
  await query(`create database ${foreign}`);
  expect(await project.json(["drop", foreign])).toMatchObject({
    exitCode: 4,
    error: { code: "PERMISSION_DENIED" },
  });
  expect(await exists(foreign)).toBe(true);
  await query(`drop database ${foreign}`);
  expect(await project.json(["drop", "hs_k_nothing"])).toMatchObject({
    exitCode: 1,
    dropped: [],
    absent: ["hs_k_nothing"],
  });
});

test("drop takes the name of a target for its templates, and --dry-run drops nothing", async () => {
  await using project = await makeProject();
  const target = `target-${process.pid}`;
  await project.write(
    "headstart.config.ts",
    `export default { targets: { ${JSON.stringify(target)}: {
      inputs: { migrations: "migrations" }, build: { command: ["node", "-e", ""] },
    } } };`,
  );
  const { targets } = await project.json<{ targets: { template: string }[] }>(["prepare"]);
  const name = targets[0]?.template ?? "";
  expect(await project.json(["drop", target, "--dry-run"])).toMatchObject({
    exitCode: 0,
    targets: [target],
    dropped: [name],
  });
  expect((await project.run(["drop", target, "--dry-run"])).stderr).toContain(
    `"${target}" stands for every template of that name on the server, those of other checkouts too`,
  );
  expect((await project.run(["drop", name, "--dry-run"])).stderr).toBe("");
  expect(await exists(name)).toBe(true);
  expect(await project.json(["drop", target])).toMatchObject({ exitCode: 0, dropped: [name] });
  expect(await exists(name)).toBe(false);
});

test("prune says what would go and why, and drops just that", async () => {
  await using project = await makeProject();
  const { targets } = await project.json<{ targets: { template: string }[] }>(["prepare"]);
  const name = targets[0]?.template ?? "";
  interface Plan {
    readonly plan: readonly { readonly name: string; readonly reason: string }[];
  }
  const generous = await project.json<Plan>(["prune", "--keep", "1000", "--dry-run"]);
  expect(generous.plan.map((item) => item.name)).not.toContain(name);
  const strict = await project.json<Plan>(["prune", "--max-age", "0s", "--dry-run"]);
  expect(strict.plan.find((item) => item.name === name)?.reason).toContain("last used");
  expect(await exists(name)).toBe(true);
  const text = await project.run(["prune", "--max-size", "1", "--dry-run"]);
  expect(text.stdout).toMatch(/^would drop \d+ databases?, /);
  for (const bad of [
    ["--keep", "few"],
    ["--max-size", "big"],
    ["--max-age", "old"],
  ]) {
    expect(await project.run(["prune", ...bad])).toMatchObject({ exitCode: 2 });
  }
});

test("prune without a budget drops no template", async () => {
  await using project = await makeProject();
  const { targets } = await project.json<{ targets: { template: string }[] }>(["prepare"]);
  const pruned = await project.json<{ dropped: string[]; kept: object[] }>(["prune"]);
  expect(pruned).toMatchObject({ exitCode: 0, dryRun: false });
  expect(pruned.dropped.filter((name) => name.startsWith("hs_t_"))).toEqual([]);
  expect(await exists(targets[0]?.template ?? "")).toBe(true);
});

test("verify proves the snapshot equal to the build, and tells what differs when it is not", async () => {
  await using project = await makeProject();
  expect(await project.run(["prepare", "--update-snapshot"])).toMatchObject({ exitCode: 0 });
  expect(await project.json(["verify"])).toMatchObject({ exitCode: 0, equal: true });
  expect(await project.run(["verify", "--rebuild"])).toMatchObject({
    exitCode: 0,
    stdout: "✓ app: the restored snapshot equals a database built anew",
  });

  // A build that depends on something undeclared: the same key, another database.
  await project.write("amount.txt", "1");
  await project.write(
    "build.mjs",
    `import { execFileSync } from "node:child_process";
    import { readFileSync } from "node:fs";
    const rows = readFileSync("amount.txt", "utf8");
    const sql = "create table events as select generate_series(1, " + rows + ") as id";
    execFileSync("psql", ["--quiet", "--command", sql, process.env.DATABASE_URL]);`,
  );
  await project.configure({ build: { command: ["node", "build.mjs"] } });
  expect(await project.run(["prepare", "--update-snapshot"])).toMatchObject({ exitCode: 0 });
  await project.write("amount.txt", "2");
  const outcome = await project.run(["verify", "--rebuild"]);
  expect(outcome.exitCode).toBe(1);
  expect(outcome.stdout).toContain("✗ app: the restored snapshot differs from a database built anew");
  expect(outcome.stdout).toContain("events");
});

test("verify says which snapshot or template it lacks", async () => {
  await using project = await makeProject();
  expect(await project.json(["verify"])).toMatchObject({ exitCode: 1, error: { code: "SNAPSHOT_MISSING" } });
});

test("status shows what is ready, what each tier took, and when a snapshot is not worth it", async () => {
  await using project = await makeProject();
  expect(await project.run(["prepare", "--update-snapshot"])).toMatchObject({ exitCode: 0 });
  expect(await project.run(["prepare"])).toMatchObject({ exitCode: 0 });
  expect(await project.run(["prepare", "--from", "snapshot"])).toMatchObject({ exitCode: 0 });
  interface Status {
    readonly targets: readonly {
      readonly tiers: readonly { readonly tier: string; readonly runs: number }[];
      readonly lastRuns: readonly { readonly tier: string; readonly bytes?: number }[];
      readonly advice: readonly string[];
    }[];
  }
  const { targets, ...rest } = await project.json<Status>(["status"]);
  expect(rest).toMatchObject({ exitCode: 0, server: { status: "ready" } });
  expect(targets[0]).toMatchObject({
    template: "ready",
    snapshot: "fresh",
    tiers: [
      { tier: "template", runs: 1 },
      { tier: "snapshot", runs: 1 },
      { tier: "build", runs: 1 },
    ],
    lastRuns: [{ tier: "snapshot" }, { tier: "template" }, { tier: "build" }],
  });
  expect(targets[0]?.lastRuns[0]?.bytes).toBeGreaterThan(0);
  expect(targets[0]?.advice).toEqual([expect.stringContaining("costs more than it gives")]);
  const text = await project.run(["status"]);
  expect(text.stdout).toMatch(/template +ready/);
  expect(text.stdout).toMatch(/last run +snapshot, /);
});

test("doctor finds server, rights, tools and the durable settings in order, and changes nothing", async () => {
  await using project = await makeProject();
  const outcome = await project.json<{ healthy: boolean; checks: { name: string; verdict: string }[] }>([
    "doctor",
  ]);
  expect(outcome).toMatchObject({ exitCode: 0, healthy: true });
  expect(Object.fromEntries(outcome.checks.map(({ name, verdict }) => [name, verdict]))).toEqual({
    node: "ok",
    configuration: "ok",
    "inputs of app": "ok",
    cache: "ok",
    version: "ok",
    rights: "ok",
    connections: "ok",
    durability: "ok",
    pg_dump: "ok",
    pg_restore: "ok",
  });
});

test("doctor misses inputs that are not there", async () => {
  await using project = await makeProject();
  await project.configure({ inputs: { migrations: "migrations", seeds: "nowhere" } });
  const outcome = await project.json<{ checks: object[] }>(["doctor"]);
  expect(outcome).toMatchObject({ exitCode: 3, healthy: false });
  expect(outcome.checks).toContainEqual({
    name: "inputs of app",
    verdict: "fail",
    detail: `not there: seeds ("${project.path("nowhere")}")`,
    fix: "correct targets.app.inputs; paths are relative to the configuration file",
    code: "ROOT_MISSING",
  });
});

test("doctor goes on without a configuration, and ends with the configuration's code", async () => {
  await using project = await makeProject();
  await project.write("headstart.config.ts", "export default { target: {} };");
  const outcome = await project.json<{ checks: object[] }>(["doctor"]);
  expect(outcome.exitCode).toBe(3);
  expect(outcome.checks).toContainEqual(
    expect.objectContaining({ name: "configuration", verdict: "fail", code: "CONFIG_INVALID" }),
  );
  expect(outcome.checks).toContainEqual(expect.objectContaining({ name: "rights", verdict: "ok" }));
});
