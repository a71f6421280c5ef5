import { adoptLog, createBootstrap, defineProjection } from "@headstart/projection-bootstrap";
import { expect, test } from "vitest";
import { z } from "zod";
import { branchActivity } from "../../src/status/branch-activity.ts";
import { hourlyOutcomes } from "../../src/status/hourly-outcomes.ts";
import { latestEvents } from "../../src/status/latest-events.ts";
import type { Status } from "../../src/status/status-schema.ts";
import { markdown, openStatusServer, type StatusServer } from "../support/status-server.ts";
import { until } from "../support/until.ts";

/** What the log itself says: the read model has to equal it, however it came about. */
async function fromTheLog({ db }: StatusServer) {
  const { rows } = await db.query<{ branch: string; published: number; failed: number }>(
    `select b.ref as branch, count(*) filter (where e.type = 'branch-materialized')::int as published,
            count(*) filter (where e.type = 'branch-failed')::int as failed
     from headstart_materializer.branches b
     left join headstart_materializer.events e on e.branch_id = b.id where b.deleted_at is null
     group by b.ref order by b.ref`,
  );
  return rows.map(({ branch, published, failed }) => [branch.replace("refs/heads/", ""), published, failed]);
}

function shown({ branches }: Status) {
  return branches
    .filter(({ state }) => state !== "deleted")
    .map(({ branch, activity }) => [branch, activity.published, activity.failed])
    .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}

async function equalsTheLog(server: StatusServer): Promise<void> {
  const log = await fromTheLog(server);
  const status = await server.statusWhen("what the log says", (each) => {
    return JSON.stringify(shown(each)) === JSON.stringify(log);
  });
  expect(shown(status)).toEqual(log);
}

test("counts more than nine events, follows new ones, and forgets a branch that is gone", async () => {
  await using server = await openStatusServer();
  const upstream = await server.repository("handbook");
  const start = await upstream.commit("main", { "pages/a.md": markdown("A") });
  await upstream.branches(["drafts/one", "drafts/two", "drafts/three"], start);
  await server.settle("handbook");
  await equalsTheLog(server);
  for (let round = 1; round <= 4; round += 1) {
    await upstream.commit("main", { "pages/a.md": markdown(`A ${round}`) });
    await upstream.commit("drafts/one", { "pages/b.md": round % 2 === 0 ? "---\n---\n" : markdown("B") });
    await server.settle("handbook");
    await equalsTheLog(server);
  }
  await upstream.deleteBranch("drafts/two");
  await server.settle("handbook");
  const status = await server.statusWhen(
    "the deletion",
    ({ latest }) => latest[0]?.type === "branch-deleted",
  );
  expect(status.latest[0]).toMatchObject({ repository: "handbook", branch: "drafts/two" });
  expect(status.branches.find(({ branch }) => branch === "drafts/two")).toMatchObject({
    state: "deleted",
    activity: { published: 0, lastAt: null },
  });
  await equalsTheLog(server);
});

test("another process, and one that starts later, say the same from the stored rows", async () => {
  await using server = await openStatusServer();
  const upstream = await server.repository("handbook");
  for (let round = 1; round <= 12; round += 1) {
    await upstream.commit("main", { "pages/a.md": markdown(`A ${round}`) });
    await server.settle("handbook");
  }
  await equalsTheLog(server);
  // It brings the stored rows to the log as soon as it starts.
  const other = server.another();
  const said = async () => JSON.parse((await other.status.snapshot()).snapshot()) as Status;
  await until(async () => (await said()).health.ok, { what: "the other's first look" });
  await until(async () => (await storedRows(server)) === 12, { what: "the stored rows" });
  const [mine, theirs] = [await server.status(), await said()];
  expect(theirs.branches).toEqual(mine.branches);
  expect(theirs.hours).toEqual(mine.hours);
  expect(theirs.latest).toEqual(mine.latest);
  await other.end();
  const booted = await createBootstrap({
    pool: server.db,
    projections: [branchActivity, hourlyOutcomes, latestEvents],
    readers: 2,
    log: theLog(),
  }).boot();
  expect(booted.report.reads.tail.rows + booted.report.reads.rebuild.rows).toBe(0);
});

test("rows that other code made are built anew, and are right again", async () => {
  await using server = await openStatusServer({ begin: false });
  const upstream = await server.repository("handbook");
  for (let round = 1; round <= 3; round += 1) {
    await upstream.commit("main", { "pages/a.md": markdown(`A ${round}`) });
    await server.settle("handbook");
  }
  // A release before this one, which counted twice.
  const former = defineProjection<{ published: number }>({
    name: branchActivity.name,
    identity: "a former release",
    key: ({ stream }) => stream,
    schema: z.object({ published: z.number() }),
    init: () => ({ published: 0 }),
    apply: ({ published }) => ({ published: published + 2 }),
  });
  const bootstrap = createBootstrap({ pool: server.db, projections: [former], readers: 2, log: theLog() });
  expect((await bootstrap.boot()).model.query(former)).toEqual([{ published: 6 }]);
  server.begin();
  await equalsTheLog(server);
});

test("what is counted anew from a log whose beginning is not kept says since when it counts", async () => {
  await using server = await openStatusServer({ begin: false });
  const upstream = await server.repository("handbook");
  for (let round = 1; round <= 4; round += 1) {
    await upstream.commit("main", { "pages/a.md": markdown(`A ${round}`) });
    await server.settle("handbook");
  }
  const { db, materializer } = server;
  const times = async (): Promise<Date[]> =>
    (
      await db.query<{ at: Date }>(
        `select date_trunc('milliseconds', recorded_at) as at from headstart_materializer.events order by number`,
      )
    ).rows.map(({ at }) => at);
  const other = server.another();
  const said = async () => JSON.parse((await other.status.snapshot()).snapshot()) as Status;
  await until(async () => (await said()).branches[0]?.activity.published === 4, { what: "all of the log" });
  const [first] = await times();
  expect((await said()).branches[0]?.activity.since).toBe(first?.toISOString());
  await other.end();
  await db.query(
    "update headstart_materializer.events set recorded_at = recorded_at - interval '31 days' where position < 4",
  );
  await materializer.retain();
  const [kept, ...others] = await times();
  expect(others).toEqual([]);
  // A release that folds differently, and so has none of the rows that this one has.
  await db.query("update headstart_projections.version set identity = 'another release'");
  server.begin();
  const { branches } = await server.statusWhen("what is left", ({ health }) => health.ok);
  expect(branches[0]?.activity).toMatchObject({ published: 1, since: kept?.toISOString() });
});

test("a database that is away is said, and what was known stays; it goes on when it is back", async () => {
  await using server = await openStatusServer();
  const upstream = await server.repository("handbook");
  await upstream.commit("main", { "pages/a.md": markdown("A") });
  await server.settle("handbook");
  await equalsTheLog(server);
  await server.db.query("alter table headstart_materializer.branches rename to away");
  const away = await server.statusWhen("the failure", ({ health }) => !health.ok);
  expect(away.health).toMatchObject({ loaded: true, reason: expect.stringContaining("branches") });
  expect(away.branches).toHaveLength(1);
  expect(server.logged.some((line) => line.includes('"loop.failed"'))).toBe(true);
  await server.db.query("alter table headstart_materializer.away rename to branches");
  await server.statusWhen("health", ({ health }) => health.ok);
});

test("a lease that runs out is no build any more, though nothing is written", async () => {
  await using server = await openStatusServer();
  const upstream = await server.repository("handbook");
  await upstream.commit("main", { "pages/a.md": markdown("A") });
  await server.materializer.observe("handbook");
  await server.materializer.claim();
  const building = await server.statusWhen("the build", ({ totals }) => totals.states.building === 1);
  expect(building.branches[0]?.builder).toMatchObject({ worker: "worker-1:4242" });
  await server.db.query(
    "update headstart_materializer.branches set lease_until = clock_timestamp() + interval '300 ms'",
  );
  const waiting = await server.statusWhen("the lease's end", ({ totals }) => totals.states.pending === 1);
  expect(waiting.branches[0]).toMatchObject({ state: "pending", builder: null });
});

test("events of a type that this release does not know are kept, and stop nothing", async () => {
  await using server = await openStatusServer();
  const upstream = await server.repository("handbook");
  await upstream.commit("main", { "pages/a.md": markdown("A") });
  await server.settle("handbook");
  await server.db.query(
    `insert into headstart_materializer.events (branch_id, position, type, message)
     select id, 2, 'branch-renamed', '{"oid": 7, "changedPaths": "none"}' from headstart_materializer.branches`,
  );
  await server.db.query("update headstart_materializer.branches set event_position = 2");
  const { branches } = await server.statusWhen(
    "it",
    (status) => status.branches[0]?.activity.lastType === "branch-renamed",
  );
  expect(branches[0]?.activity).toMatchObject({ published: 1 });
});

function theLog() {
  return adoptLog({
    table: "headstart_materializer.events",
    columns: { position: "number", stream: "branch_id", version: "position", data: "message" },
  });
}

async function storedRows({ db }: StatusServer): Promise<number> {
  const { rows } = await db.query<{ published: number }>(
    "select (state ->> 'published')::int as published from headstart_projections.worker_branch_activity",
  );
  return rows[0]?.published ?? 0;
}
