import {
  createBootstrap,
  defineProjection,
  type ProjectionStatus,
  type Verification,
} from "@headstart/projection-bootstrap";
import pg from "pg";
import { expect, test } from "vitest";
import { z } from "zod";
import { fillLog, moduleText, projectionProject, type ProjectionProject } from "../fixtures/projections.ts";

interface StatusDocument {
  readonly healthy: boolean;
  readonly projections: readonly ProjectionStatus[];
}

async function paidIn({ bootstrap }: ProjectionProject, stream: string, ...cents: number[]): Promise<void> {
  await bootstrap.append(
    stream,
    cents.map((each) => ({ type: "paid in", data: { cents: each } })),
  );
}

test("status says what a boot would find, and what mends it; rebuild mends it", async () => {
  await using ledger = await projectionProject();
  await paidIn(ledger, "a", 1, 2);
  const before = await ledger.run(["status"]);
  expect(before.exitCode).toBe(1);
  expect(before.stdout).toMatch(/✗ +balances +absent/);
  expect(before.stderr).toContain("fix   headstart projections rebuild balances");

  const rebuilt = await ledger.json<{ projections: object[] }>(["rebuild", "balances"]);
  expect(rebuilt).toMatchObject({
    exitCode: 0,
    projections: [{ projection: "balances", active: true, read: { rows: 2 }, position: expect.any(String) }],
  });
  await paidIn(ledger, "a", 4);
  expect(await ledger.json<StatusDocument>(["status"])).toMatchObject({
    exitCode: 0,
    healthy: true,
    projections: [{ name: "balances", state: "behind", lagEvents: 1, versions: [{ rows: 1 }] }],
  });
  expect(await ledger.rows("select key, state from headstart_projections.balances")).toEqual([
    { key: "a", state: { cents: 3 } },
  ]);
});

test("prebuild makes the rows of changed code, and nobody sees them before it boots", async () => {
  await using ledger = await projectionProject();
  await paidIn(ledger, "a", 5);
  await ledger.run(["rebuild", "balances"]);
  await ledger.project.write("projections.ts", moduleText("({ cents: cents + 2 * data.cents })"));
  expect(await ledger.json<StatusDocument>(["status"])).toMatchObject({
    exitCode: 1,
    projections: [{ state: "stale-code" }],
  });

  expect(await ledger.json(["prebuild"])).toMatchObject({
    exitCode: 0,
    projections: [{ projection: "balances", active: false }],
  });
  expect(await ledger.json<StatusDocument>(["status"])).toMatchObject({
    exitCode: 0,
    projections: [{ state: "ready", versions: [{ status: "built" }, { status: "active" }] }],
  });
  expect(await ledger.rows("select state from headstart_projections.balances")).toEqual([
    { state: { cents: 5 } },
  ]);
});

test("verify answers no, and names key, event and both rows where one differs", async () => {
  await using ledger = await projectionProject();
  await paidIn(ledger, "a", 5, 7);
  await paidIn(ledger, "b", 1);
  await ledger.run(["rebuild", "balances"]);
  const good = await ledger.run(["verify"]);
  expect(good.exitCode).toBe(0);
  expect(good.stdout).toMatch(/✓ balances: 2 rows are what 3 events up to 1:\d+:\d+ say/);

  const table = `headstart_projections.rows_${(await ledger.json<StatusDocument>(["status"])).projections[0]?.versions[0]?.id}`;
  await ledger.rows(`update ${table} set state = '{"cents":5}' where key = 'a'`);
  const bad = await ledger.run(["verify", "balances"]);
  expect(bad.exitCode).toBe(1);
  expect(bad.stdout).toContain("1 of 2 rows differ");
  expect(bad.stdout).toMatch(/first "a": the row stopped at event 1:\d+:\d+ \(paid in of a\)/);
  expect(bad.stdout).toContain('stored   {"cents":5}');
  expect(bad.stdout).toContain('the log  {"cents":12}');

  const verifyPart = (round: string): string[] => [
    "verify",
    "--share",
    "0.5",
    "--round",
    round,
    "--rate",
    "9000",
  ];
  const parts = [];
  for (const round of ["0", "1"]) {
    parts.push(await ledger.json<{ equal: boolean; projections: Verification[] }>(verifyPart(round)));
  }
  expect(parts.reduce((sum, { projections }) => sum + (projections[0]?.rows ?? 0), 0)).toBe(2);
  expect(parts.map(({ equal, exitCode }) => [equal, exitCode])).toEqual(
    expect.arrayContaining([[false, 1]]) as unknown,
  );
  expect(await ledger.json(["verify", "--continuous", "--share", "1"])).toMatchObject({
    exitCode: 1,
    equal: false,
    projections: [{ first: { key: "a" } }],
  });
});

test("redrive folds what is set aside once the code is corrected, though no boot is healthy", async () => {
  const picky =
    '{ if (data.cents < 0 && !process.env["CORRECTED"]) throw new Error("no debts"); return { cents: cents + data.cents }; }';
  await using ledger = await projectionProject(moduleText(picky, 'identity: "picky",'));
  await paidIn(ledger, "a", 1);
  await ledger.run(["rebuild", "balances"]);
  await paidIn(ledger, "a", -3, 4);
  // The application's own process, with the same code, sets the key aside.
  const pool = new pg.Pool({ connectionString: ledger.url, max: 6 });
  const balances = defineProjection<{ cents: number }>({
    name: "balances",
    identity: "picky",
    key: ({ stream }) => stream,
    schema: z.object({ cents: z.number() }),
    init: () => ({ cents: 0 }),
    apply: () => {
      throw new Error("no debts");
    },
  });
  const application = createBootstrap({ pool, projections: [balances], policy: { poisoned: "refuse" } });
  await application.catchUp();
  await expect(application.boot()).rejects.toMatchObject({ code: "PROJECTION_REFUSED" });
  await pool.end();
  const status = await ledger.run(["status"]);
  expect(status.exitCode).toBe(1);
  expect(status.stdout).toMatch(/✗ +balances +poisoned[^]*2 events set aside/);
  expect(status.stderr).toContain("headstart projections redrive balances");

  const refused = await ledger.run(["redrive", "balances"]);
  expect(refused).toMatchObject({ exitCode: 1, stdout: expect.stringContaining("no debts") as string });
  const env = { LEDGER_URL: ledger.url, CORRECTED: "1" };
  expect(await ledger.project.json(["projections", "redrive", "balances"], { env })).toMatchObject({
    exitCode: 0,
    repaired: ["a"],
    failed: [],
  });
  expect(await ledger.rows("select state from headstart_projections.balances")).toEqual([
    { state: { cents: 2 } },
  ]);
  expect(await ledger.run(["redrive", "balances"])).toMatchObject({
    exitCode: 0,
    stdout: "nothing of balances is set aside",
  });
});

test("an event that the code cannot take fails a rebuild, and leaves what readers have", async () => {
  await using ledger = await projectionProject();
  await paidIn(ledger, "a", 1);
  await ledger.run(["rebuild", "balances"]);
  await ledger.project.write(
    "projections.ts",
    moduleText('{ if (cents >= 0) throw new Error("not one more"); return { cents: cents + data.cents }; }'),
  );
  expect(await ledger.json(["rebuild", "balances"])).toMatchObject({
    exitCode: 5,
    error: { code: "POISON_EVENT", message: expect.stringContaining("not one more") as string },
  });
  expect(await ledger.rows("select state from headstart_projections.balances")).toEqual([
    { state: { cents: 1 } },
  ]);
});

test("a database from elsewhere is told by status, refused by the others, and accepted by restamp", async () => {
  await using ledger = await projectionProject();
  await paidIn(ledger, "a", 1);
  await ledger.run(["rebuild", "balances"]);
  await ledger.rows("update headstart_projections.era set system_identifier = '1'");
  const status = await ledger.run(["status"]);
  expect(status.exitCode).toBe(1);
  expect(status.stdout).toContain("foreign-cluster");
  expect(status.stderr).toContain("fix   headstart projections restamp");
  expect(await ledger.json(["rebuild", "balances"])).toMatchObject({
    exitCode: 1,
    error: { code: "FOREIGN_CLUSTER" },
  });
  expect(await ledger.json(["restamp"])).toMatchObject({ exitCode: 0, era: 2 });
  expect(await ledger.run(["status"])).toMatchObject({ exitCode: 0 });
  expect(await ledger.run(["verify"])).toMatchObject({ exitCode: 0 });
});

test("a signal ends a rebuild in good order, and the next one goes on from there", async () => {
  // Slow enough to be met on its way.
  const slow = "{ for (let n = 0; n < 20_000; n++) Math.sqrt(n); return { cents: cents + data.cents }; }";
  await using ledger = await projectionProject(moduleText(slow, 'identity: "slow",'));
  await fillLog(ledger, 50_000);
  const building = ledger.start(["rebuild", "balances"]);
  const checkpoint = async (): Promise<number> => {
    const [version] = await ledger.rows<{ number: string }>(
      "select number::text as number from headstart_projections.version order by id desc limit 1",
    );
    return Number(version?.number ?? 0);
  };
  await expect.poll(checkpoint, { timeout: 60_000, interval: 10 }).toBeGreaterThan(0);
  // It stands still while the other starts, which takes longer than many a page.
  building.kill("SIGSTOP");
  expect(await ledger.json(["rebuild", "balances", "--no-wait"])).toMatchObject({
    exitCode: 4,
    error: { code: "LEASE_HELD" },
  });
  building.kill("SIGINT");
  building.kill("SIGCONT");
  const { exitCode, stderr } = await building;
  expect(exitCode).toBe(130);
  expect(stderr).toContain("stopping (SIGINT)");
  const reached = await checkpoint();
  expect(reached).toBeLessThan(50_000);
  expect(
    await ledger.rows(
      "select 1 from pg_stat_activity where application_name like 'headstart projections %' and datname = current_database()",
    ),
  ).toEqual([]);

  const rest = await ledger.json<{ projections: { read: { rows: number } }[] }>(["rebuild", "balances"]);
  expect(rest.projections[0]?.read.rows).toBe(50_000 - reached);
  expect(await ledger.run(["verify"])).toMatchObject({ exitCode: 0 });
});

test("continuous verification ends with SIGTERM, and leaves no connection", async () => {
  await using ledger = await projectionProject();
  await paidIn(ledger, "a", 1);
  await ledger.run(["rebuild", "balances"]);
  const verifying = ledger.start(["verify", "--continuous", "--json"]);
  await expect
    .poll(
      async () =>
        await ledger.rows(
          "select 1 from pg_stat_activity where application_name like 'headstart projections %' and state = 'idle' and datname = current_database()",
        ),
      { timeout: 60_000 },
    )
    .not.toEqual([]);
  verifying.kill("SIGTERM");
  const { exitCode, stdout } = await verifying;
  expect(exitCode).toBe(143);
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: "INTERRUPTED" } });
});
