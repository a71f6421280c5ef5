import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import type { Deployment } from "./deployment.ts";
import { earlyTakeovers } from "./takeovers.ts";
import { until } from "./until.ts";
import { broken, type KnownBranch } from "./upstream.ts";

interface Stored {
  readonly repository: string;
  readonly branch: string;
  readonly servedOid: string | null;
  readonly desiredOid: string | null;
  readonly atRest: boolean;
  readonly errorOid: string | null;
  readonly errorCode: string | null;
  readonly deleted: boolean;
}

/** Waits until nothing is left to do anywhere and readers see what was pushed last. */
export async function settle(deployment: Deployment, { timeoutMs = 45_000 } = {}): Promise<void> {
  let left: string[] = [];
  const settled = async (): Promise<boolean> => {
    left = await unsettled(deployment).catch((error: unknown) => [String(error)]);
    return left.length === 0;
  };
  await until(settled, { what: "every branch to be as pushed", timeoutMs, details: () => left.slice(0, 4) });
}

/**
 * Asserts what the worker promises, once everything is at rest: readers see what git has and nothing else (M1, M3,
 * M4), no branch ever went back to something older (M2), no two built one branch at a time (M6), each branch's events
 * are without a gap, and nothing that was taken was forgotten.
 */
export async function expectProven(deployment: Deployment): Promise<void> {
  expect(await differences(deployment), "rows are what git gives").toEqual([]);
  expect(await brokenEvents(deployment), "events have no gap").toEqual([]);
  expect(await wentBack(deployment), "what is served never gets older").toEqual([]);
  expect(await earlyTakeovers(deployment.db), "builds of one branch at once").toBe(0);
  const { rows } = await deployment.db.query<{ left: string }>(
    `select 'delivery ' || delivery as left from headstart_worker.deliveries where outcome <> 'applied'
     union all select 'lease on ' || ref from headstart_materializer.branches where lease_token is not null
     union all select 'guard of ' || name from headstart_materializer.repositories where guard is not null`,
  );
  expect(rows, "nothing is left over").toEqual([]);
}

async function unsettled(deployment: Deployment): Promise<string[]> {
  const stored = await storedBranches(deployment);
  const left: string[] = [];
  for (const upstream of deployment.upstreams) {
    for (const name of upstream.pushed.keys()) {
      const row = stored.find(({ repository, branch }) => repository === upstream.name && branch === name);
      const wrong = whatIsWrong(row, upstream.branches.get(name));
      if (wrong !== undefined) left.push(`${name} of ${upstream.name}: ${wrong}, ${JSON.stringify(row)}`);
    }
  }
  const { rows } = await deployment.db.query<{ pending: number }>(
    "select count(*)::int as pending from headstart_worker.deliveries where outcome = 'pending'",
  );
  if (rows[0]?.pending !== 0) left.push(`${rows[0]?.pending} deliveries are pending`);
  return left;
}

function whatIsWrong(row: Stored | undefined, known: KnownBranch | undefined): string | undefined {
  if (known === undefined) return row === undefined || row.deleted ? undefined : "still there";
  if (row === undefined || row.deleted) return "not there";
  if (row.desiredOid !== known.tip) return `not seen, ${known.tip} was pushed`;
  if (!row.atRest) return "not built";
  const isGood = [...known.pages.values()].every((title) => title !== broken);
  if (isGood) return row.servedOid === known.tip && row.errorCode === null ? undefined : "not served";
  return row.errorOid === known.tip && row.errorCode === "CONTENT_INVALID" ? undefined : "not refused";
}

async function storedBranches({ db }: Deployment): Promise<Stored[]> {
  const { rows } = await db.query<Stored>(
    `select r.name as repository, substr(b.ref, length('refs/heads/') + 1) as branch, encode(v.oid, 'hex') as "servedOid",
            encode(b.desired_oid, 'hex') as "desiredOid", not b.dirty and b.lease_token is null as "atRest",
            encode(b.error_oid, 'hex') as "errorOid", b.error_code as "errorCode",
            b.deleted_at is not null as deleted
     from headstart_materializer.branches b
     join headstart_materializer.repositories r on r.id = b.repository_id
     left join headstart_materializer.versions v on v.id = b.served_version`,
  );
  return rows;
}

/** By the materializer's own proof, from git alone; and rows against what those who pushed know. */
async function differences(deployment: Deployment): Promise<string[]> {
  const found: string[] = [];
  for (const { name, branches } of deployment.upstreams) {
    for (const [branch, known] of branches) {
      const { differences, gitOid } = await deployment.materializer.verify({ repository: name, branch });
      const where = `${branch} of ${name}`;
      if (gitOid !== known.tip) found.push(`${where} is at ${gitOid} in git, ${known.tip} was pushed`);
      found.push(...differences.map((difference) => `${where}: ${JSON.stringify(difference)}`));
      found.push(...(await differentRows(deployment, { name, branch, known })));
    }
  }
  return found;
}

async function differentRows(
  { db }: Deployment,
  { name, branch, known }: { name: string; branch: string; known: KnownBranch },
): Promise<string[]> {
  const titles = [...known.pages].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const bad = titles.find(([, title]) => title === broken);
  const of = [name, `refs/heads/${branch}`];
  if (bad === undefined) {
    const { rows } = await db.query<{ key: string; title: string }>(
      `select key, data ->> 'title' as title from headstart_materializer.branch_rows
       where repository = $1 and ref = $2 order by key collate "C"`,
      of,
    );
    const stored = rows.map(({ key, title }) => [key, title]);
    return isDeepStrictEqual(stored, titles) ? [] : [`${branch} of ${name} shows ${JSON.stringify(stored)}`];
  }
  const { rows } = await db.query<{ path: string; line: number }>(
    `select i.path, i.line from headstart_materializer.branch_issues i
     join headstart_materializer.branches b on b.id = i.branch_id
     join headstart_materializer.repositories r on r.id = b.repository_id where r.name = $1 and b.ref = $2`,
    of,
  );
  return rows.some(({ path, line }) => path === bad[0] && line === 3)
    ? []
    : [`${branch} of ${name} does not tell ${bad[0]}:3 but ${JSON.stringify(rows)}`];
}

async function brokenEvents({ db }: Deployment): Promise<unknown[]> {
  const { rows } = await db.query(
    `select b.ref, b.event_position, count(e.position)::int as events, max(e.position)
     from headstart_materializer.branches b left join headstart_materializer.events e on e.branch_id = b.id
     group by b.id having count(e.position) <> b.event_position
       or coalesce(max(e.position), 0) <> b.event_position or coalesce(min(e.position), 1) <> 1`,
  );
  return rows;
}

/** Branches whose published commits, in the order of their events, are not in the order in which they were pushed. */
async function wentBack({ db, upstreams }: Deployment): Promise<string[]> {
  const { rows } = await db.query<{ repository: string; branch: string; oids: string[]; ordered: boolean }>(
    `select message ->> 'repository' as repository, substr(message ->> 'branch', length('refs/heads/') + 1) as branch,
            array_agg(message ->> 'oid' order by position) as oids,
            array_agg(message ->> 'seq' order by position)
              = array_agg(message ->> 'seq' order by (message ->> 'seq')::bigint, position) as ordered
     from headstart_materializer.events where type = 'branch-materialized'
     group by branch_id, message ->> 'repository', message ->> 'branch'`,
  );
  return rows.flatMap(({ repository, branch, oids, ordered }) => {
    const pushed = upstreams.find(({ name }) => name === repository)?.pushed.get(branch) ?? [];
    return ordered && isInOrder(oids, pushed)
      ? []
      : [`${branch} of ${repository} was served as ${oids.join(" ")}`];
  });
}

/** Whether each is found at or after where the one before it was: some may be left out, and none turned round. */
function isInOrder(published: readonly string[], pushed: readonly (string | null)[]): boolean {
  let from = 0;
  return published.every((oid) => {
    from = pushed.indexOf(oid, from);
    return from >= 0;
  });
}
