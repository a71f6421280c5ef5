import fc from "fast-check";
import type pg from "pg";
import { expect, test } from "vitest";
import type { Materializer } from "../../src/create-materializer.ts";
import { takeFairly } from "../../src/queue/due-branches.ts";
import { openProject } from "../support/open-project.ts";

/** A repository with work: its tenant, and how long ago in seconds each of its branches came due. */
interface Work {
  readonly tenant: string;
  readonly live: readonly number[];
  readonly drafts: readonly number[];
}

async function putWork(db: pg.Pool, work: readonly Work[]): Promise<void> {
  const { rows } = await db.query<{ projector: string }>(
    "delete from headstart_materializer.repositories returning projector",
  );
  const json = JSON.stringify(work.map((one, index) => ({ ...one, name: `r${index}` })));
  await db.query(
    `insert into headstart_materializer.repositories (name, url, scope, tenant, projector_name, projector)
     select w->>'name', 'file:///nowhere', w->>'name', w->>'tenant', 'notes', $2 from jsonb_array_elements($1) w`,
    [json, rows[0]?.projector],
  );
  await db.query(
    `insert into headstart_materializer.branches (repository_id, ref, class, desired_oid, desired_seq, due_at)
     select r.id, 'refs/heads/' || a.class || a.n, a.class, decode(repeat('ab', 20), 'hex'), 1,
            now() - a.age::float8 * interval '1 s'
     from jsonb_array_elements($1) w join headstart_materializer.repositories r on r.name = w->>'name'
     cross join lateral (
       select 'live' as class, l.* from jsonb_array_elements_text(w->'live') with ordinality as l (age, n)
       union all
       select 'draft', d.* from jsonb_array_elements_text(w->'drafts') with ordinality as d (age, n)
     ) a`,
    [json],
  );
}

/** Ends a build of a branch that was pushed again meanwhile: it is due at once, behind whoever waits already. */
async function pushedAgain(db: pg.Pool, branchId: string): Promise<void> {
  await db.query(
    `update headstart_materializer.branches set lease_token = null, lease_until = null, attempts = 0, due_at = now()
     where id = $1`,
    [branchId],
  );
}

async function until(
  { db, materializer, builders }: { db: pg.Pool; materializer: Materializer; builders: number },
  { claims, done }: { claims: number; done: (seen: ReadonlySet<string>) => boolean },
): Promise<number> {
  const seen = new Set<string>();
  const building: string[] = [];
  for (let n = 1; n <= claims; n += 1) {
    for (const { branchId, repository, ref } of await materializer.claim()) {
      seen.add(`${repository} ${ref}`);
      building.push(branchId);
    }
    if (done(seen)) return n;
    while (building.length > builders - 1) await pushedAgain(db, building.shift() ?? "");
  }
  return Infinity;
}

const many = (count: number, age = 0): number[] => Array.from({ length: count }, () => age);

test("a draft is not passed over for ever beside any number of busy live branches", async () => {
  await using project = await openProject();
  const { db } = project;
  await putWork(db, [{ tenant: "t", live: many(300), drafts: [3_600] }]);
  const drafts = (seen: ReadonlySet<string>) => seen.has("r0 refs/heads/draft1");
  expect(await until({ ...project, builders: 1 }, { claims: 2, done: drafts })).toBeLessThanOrEqual(2);
});

test("whatever is busy, every branch that waits has its turn", { timeout: 120_000 }, async () => {
  await using project = await openProject();
  const { db } = project;
  const age = fc.constantFrom(0, 10, 31, 3_600);
  const work = fc.array(
    fc.record({
      tenant: fc.constantFrom("noisy", "noisy", "noisy", "quiet", "other"),
      live: fc.array(age, { maxLength: 12 }),
      drafts: fc.array(fc.constantFrom(31, 3_600), { minLength: 1, maxLength: 12 }),
    }),
    { minLength: 1, maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(work, fc.integer({ min: 1, max: 6 }), async (given, builders) => {
      await putWork(db, given);
      const branches = given.flatMap(({ live, drafts }) => [...live, ...drafts]).length;
      const all = (seen: ReadonlySet<string>) => seen.size === branches;
      const claims = 40 * (branches + builders);
      expect(await until({ ...project, builders }, { claims, done: all })).toBeLessThanOrEqual(claims);
    }),
    { numRuns: 30 },
  );
});

test("a claim weighs 256 repositories at most, and the next ones go on until they have come round", async () => {
  await using project = await openProject();
  const { db, materializer } = project;
  await putWork(
    db,
    Array.from({ length: 1_201 }, () => ({ tenant: "t", live: [60], drafts: [] })),
  );
  const claimed: string[][] = [];
  for (let n = 0; n < 5; n += 1)
    claimed.push((await materializer.claim({ limit: 500 })).map(({ repository }) => repository));
  expect(claimed.map(({ length }) => length)).toEqual([256, 256, 256, 256, 177]);
  expect(new Set(claimed.flat()).size).toBe(1_201);
});

test("a quiet tenant's one branch is taken within a round, among twelve hundred repositories of a noisy one", async () => {
  await using project = await openProject();
  const { db } = project;
  const noisy = Array.from({ length: 1_200 }, () => ({ tenant: "noisy", live: many(3, 60), drafts: [] }));
  await putWork(db, [...noisy, { tenant: "quiet", live: [0], drafts: [] }]);
  const quiet = (seen: ReadonlySet<string>) => seen.has("r1200 refs/heads/live1");
  // Five claims come round; that the one that sees it goes by age, twelve times running, is one chance in 10^10.
  const claims = await until({ ...project, builders: 1_000 }, { claims: 60, done: quiet });
  expect(claims).toBeLessThanOrEqual(60);
});

test("paused repositories and those of another release do not stand between a claim and what is due", async () => {
  await using project = await openProject();
  const { db, materializer } = project;
  const stopped = Array.from({ length: 600 }, () => ({ tenant: "t", live: [3_600], drafts: [] }));
  await putWork(db, [...stopped, { tenant: "t", live: [0], drafts: [] }, ...stopped]);
  await db.query(
    `update headstart_materializer.repositories
     set paused_at = case when id % 2 = 0 then now() end, projector = 'of another release' where name <> 'r600'`,
  );
  expect(await materializer.claim()).toMatchObject([{ repository: "r600" }]);
  expect(await materializer.claim()).toEqual([]);
});

test("a claim costs the same beside any number of repositories it can take nothing of, and comes round to the others", async () => {
  await using project = await openProject();
  const { db, materializer } = project;
  const stopped = Array.from({ length: 9_000 }, () => ({ tenant: "t", live: [3_600], drafts: [] }));
  await putWork(db, [...stopped, { tenant: "t", live: [0], drafts: [] }]);
  await db.query("update headstart_materializer.repositories set paused_at = now() where name <> 'r9000'");
  const { rows } = await db.query<{ steps: number }>(
    `with recursive ${takeFairly} select count(*)::int as steps, count($1::int) from walk`,
    [1, [], 0, false],
  );
  expect(rows[0]?.steps).toBe(4_096);
  const claimed: string[] = [];
  for (let n = 0; n < 3; n += 1)
    claimed.push(...(await materializer.claim()).map(({ repository }) => repository));
  expect(claimed, "three claims come round, wherever the first one begins").toEqual(["r9000"]);
});

test("a claim can be narrowed to one branch, or one repository, whatever else is due", async () => {
  await using project = await openProject();
  const { db, materializer } = project;
  await putWork(db, [
    { tenant: "t", live: many(3, 60), drafts: [0] },
    { tenant: "t", live: [60], drafts: [] },
  ]);
  const only = { repository: "r0", branch: "draft1" };
  expect(await materializer.claim({ limit: 4, only })).toMatchObject([{ ref: "refs/heads/draft1" }]);
  expect(await materializer.claim({ only }), "it has a lease").toEqual([]);
  expect(await materializer.claim({ only: { ...only, branch: "nobody's" } })).toEqual([]);
  const ofOne = await materializer.claim({ limit: 9, only: { repository: "r0" } });
  expect(ofOne.map(({ repository, ref }) => `${repository} ${ref}`).toSorted()).toEqual([
    "r0 refs/heads/live1",
    "r0 refs/heads/live2",
    "r0 refs/heads/live3",
  ]);
  await materializer.pause("r1");
  expect(await materializer.claim({ only: { repository: "r1", branch: "live1" } })).toEqual([]);
});
