import { expect, test } from "vitest";
import { createLog } from "../../src/log.ts";
import { createLoopBoard } from "../../src/loops/loop-board.ts";
import { createMetrics } from "../../src/metrics/metrics.ts";
import { createSurvey } from "../../src/metrics/survey.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

/** Branches of one repository, a row for each state that there is. */
const fill = `
  with repository as (
    insert into headstart_materializer.repositories (name, url, scope, tenant, projector_name, projector, observed_at)
    values ('handbook', 'https://example.org/x.git', 'x', 'x', 'pages', 'p', now() - interval '70 s') returning id
  )
  insert into headstart_materializer.branches
    (repository_id, ref, class, desired_seq, desired_at, dirty, due_at, parked_at, lease_token, lease_until, error_code,
     deleted_at)
  select id, ref, class, 1, now() - age, dirty, now() - wait, parked, token, until, code, deleted
  from repository, (values
    ('main', 'live', interval '5 s', false, interval '5 s', null::timestamptz, null::bigint, null::timestamptz, null, null::timestamptz),
    ('d/due', 'draft', interval '40 s', true, interval '30 s', null, null, null, null, null),
    ('d/later', 'draft', interval '50 s', true, interval '-30 s', null, null, null, 'GIT_TRANSIENT', null),
    ('d/building', 'draft', interval '10 s', true, interval '10 s', null, 7, now() + interval '20 s', null, null),
    ('d/abandoned', 'draft', interval '90 s', true, interval '20 s', null, 8, now() - interval '1 s', null, null),
    ('d/wrong', 'draft', interval '10 s', false, interval '10 s', null, null, null, 'CONTENT_INVALID', null),
    ('d/parked', 'draft', interval '999 s', true, interval '999 s', now(), null, null, 'GIT_CORRUPT', null),
    ('d/gone', 'draft', interval '999 s', true, interval '999 s', null, null, null, null, now())
  ) as b (ref, class, age, dirty, wait, parked, token, until, code, deleted)`;

test("deletions that somebody has let through are held back no more", async () => {
  await using database = await scratchDatabase();
  const { db } = database;
  await db.query(`
    insert into headstart_materializer.repositories
      (name, url, scope, tenant, projector_name, projector, guard)
    values ('held', 'https://example.org/a.git', 'a', 'a', 'pages', 'p', '9 of 10 branches vanished'),
           ('through', 'https://example.org/b.git', 'b', 'b', 'pages', 'p', 'confirmed'),
           ('quiet', 'https://example.org/c.git', 'c', 'c', 'pages', 'p', null)`);
  const metrics = createMetrics();
  const log = createLog({ write: () => undefined, redact: (text) => text });
  await createSurvey({ db, metrics, loops: createLoopBoard({ log, metrics }) })();
  expect(await metrics.registry.metrics()).toContain('headstart_worker_repositories{state="guarded"} 1\n');
});

test("the gauges say what the tables say, and nothing once the database is gone", async () => {
  const database = await scratchDatabase();
  const { db } = database;
  await db.query(fill);
  const metrics = createMetrics();
  const log = createLog({ write: () => undefined, redact: (text) => text });
  const loops = createLoopBoard({ log, metrics });
  await createSurvey({ db, metrics, loops })();
  const value = async (name: string, labels = ""): Promise<number | undefined> => {
    const lines = (await metrics.registry.metrics()).split("\n");
    const line = lines.find((text) => text.startsWith(`headstart_worker_${name}${labels} `));
    return line === undefined ? undefined : Number(line.split(" ").at(-1));
  };
  const states = Object.entries({ ready: 0, pending: 3, building: 1, error: 1, parked: 1 });
  for (const [state, count] of states)
    expect(await value("branches", `{state="${state}",class="draft"}`), state).toBe(count);
  expect(await value("branches", '{state="ready",class="live"}')).toBe(1);
  expect(await value("queue_depth")).toBe(2);
  expect(await value("queue_oldest_seconds")).toBeCloseTo(30, 0);
  expect(await value("lag_seconds")).toBeCloseTo(90, 0);
  expect(await value("unobserved_seconds")).toBeCloseTo(70, 0);
  expect(await value("repositories", '{state="all"}')).toBe(1);
  // Whatever branches are called, they add no series.
  expect(await metrics.registry.metrics()).not.toContain("d/due");

  const later = createMetrics();
  const survey = createSurvey({ db, metrics: later, loops: createLoopBoard({ log, metrics: later }) });
  await database[Symbol.asyncDispose]();
  await survey();
  const blind = await later.registry.metrics();
  expect(blind).not.toMatch(/^headstart_worker_(branches|queue_depth|lag_seconds)/m);
  expect(blind).toContain('headstart_worker_loop_failures_total{loop="survey"} 1');
});
