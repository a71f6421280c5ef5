import { expect, test } from "vitest";
import { note, openProject } from "../support/open-project.ts";

interface Plan {
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
}

test("reading one branch's rows costs the same pages however many branches there are", async () => {
  await using project = await openProject();
  const { upstream, db } = project;
  await upstream.commit("main", { "notes/a/x.json": note("1"), "notes/b/y.json": note("2") });
  await project.settle();
  await upstream.commit("main", { "notes/a/x.json": note("3") });
  await project.settle();
  const pages = async (query: string): Promise<number> => {
    const { rows } = await db.query<{ "QUERY PLAN": [{ Plan: Plan }] }>(
      `explain (analyze, buffers, format json) ${query}`,
    );
    const plan = rows[0]?.["QUERY PLAN"][0].Plan;
    return (plan?.["Shared Hit Blocks"] ?? NaN) + (plan?.["Shared Read Blocks"] ?? NaN);
  };
  const sample = `select key, data from headstart_materializer.branch_rows
    where repository = 'handbook' and ref = 'refs/heads/main'`;
  const before = await project.notes("main");
  await multiply(db, 5_000);
  expect(await project.notes("main")).toEqual(before);
  expect(await pages(sample)).toBeLessThan(100);
});

/** As many more branches as asked, each served from a segment of its own that holds what main's does. */
async function multiply(
  db: { query(sql: string, values?: unknown[]): Promise<unknown> },
  count: number,
): Promise<void> {
  await db.query(
    `with model as (
       select v.*, b.class from headstart_materializer.branches b
       join headstart_materializer.versions v on v.id = b.served_version
     ), branch as (
       insert into headstart_materializer.branches (repository_id, ref, class, desired_oid, desired_seq, dirty)
       select m.repository_id, 'refs/heads/drafts/' || n, 'draft', m.oid, n, false
       from model m, generate_series(1, $1) n returning id, desired_seq
     ), segment as (
       insert into headstart_materializer.segments (repository_id, branch_id, token, sealed)
       select m.repository_id, b.id, 0, true from model m, branch b returning id, branch_id
     ), filled as (
       insert into headstart_materializer.segment_rows (segment_id, unit, collection, key, data)
       select s.id, r.unit, r.collection, r.key, r.data from segment s, model m
       join headstart_materializer.version_rows r on r.version_id = m.id
     )
     insert into headstart_materializer.versions
       (branch_id, incarnation, seq, oid, tree_oid, tree_files, repository_id, projector, base_segment,
        committed_at, author, blobs_parsed, blobs_reused, units_assembled, build_ms)
     select b.id, 1, b.desired_seq, m.oid, m.tree_oid, m.tree_files, m.repository_id, m.projector, s.id,
            m.committed_at, m.author, 0, 0, 0, 0
     from model m, branch b join segment s on s.branch_id = b.id`,
    [count],
  );
  await db.query(
    `update headstart_materializer.branches b set served_version = v.id, latest_version = v.id
     from headstart_materializer.versions v where v.branch_id = b.id and b.served_version is null`,
  );
  await db.query("analyze");
}
