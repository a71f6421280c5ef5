import type pg from "pg";

/** How much is loaded: `branches` of them, the same number in each repository, all published and quiet. */
export interface Load {
  readonly repositories: number;
  readonly branches: number;
  /** Its name, and what the materializer calls its projection. */
  readonly projector: { readonly name: string; readonly identity: string };
}

/**
 * Fills an empty, migrated database with branches as long work leaves them: a live branch and drafts in each
 * repository, a version each, a base of twenty units a repository, a delta of one unit a draft, two events a branch
 * that a consumer has read. Made by the server itself, with neither triggers nor foreign keys to slow it.
 */
export async function loadBranches(db: pg.Pool, { repositories, branches, projector }: Load): Promise<void> {
  const client = await db.connect();
  try {
    await client.query("set search_path = headstart_materializer; set session_replication_role = replica");
    await client.query(
      `create temporary table load as
       select $1::int as repositories, $2::int as branches, $3::int as per, $4::text as name, $5::text as projector`,
      [repositories, branches, Math.ceil(branches / repositories), projector.name, projector.identity],
    );
    for (const sql of tables) await client.query(sql);
    for (const table of numbered) {
      await client.query(
        `select setval(pg_get_serial_sequence('headstart_materializer.${table}', 'id'), max(id)) from ${table}`,
      );
    }
  } finally {
    client.release(true);
  }
  await db.query("vacuum (analyze)");
}

const numbered = ["repositories", "segments", "branches", "versions"] as const;

const tables = [
  `insert into repositories (id, name, url, scope, tenant, projector_name, projector, last_seq, default_ref,
                             observed_at, changed_at, observe_at)
   overriding system value
   select n, 'r' || n, 'file:///nowhere/' || n, 'r' || n, 't' || n % 500, name, projector, per, 'refs/heads/main',
          now(), now() - n % 86400 * interval '1 s', now() + interval '1 day'
   from load, generate_series(1, repositories) n`,
  `insert into branches (id, repository_id, ref, class, owner, desired_oid, desired_seq, dirty, materialized_seq,
                         latest_version, served_version, event_position, audited_at)
   overriding system value
   select n, 1 + (n - 1) / per, case when (n - 1) % per = 0 then 'refs/heads/main' else 'refs/heads/drafts/' || n end,
          case when (n - 1) % per = 0 then 'live' else 'draft' end, 'Ada <ada@example.org>',
          substring(sha256(n::text::bytea) for 20), 1 + (n - 1) % per, false, 1 + (n - 1) % per, n, n, 2,
          now() - n % 86400 * interval '1 s'
   from load, generate_series(1, branches) n`,
  // The first segments are the repositories' bases, the others the drafts' deltas.
  `insert into segments (id, repository_id, branch_id, token, sealed)
   overriding system value
   select n, n, 1 + (n - 1) * per, 0, true from load, generate_series(1, repositories) n
   union all
   select repositories + n, 1 + (n - 1) / per, n, 0, true from load, generate_series(1, branches) n
   where (n - 1) % per > 0`,
  `insert into segment_units (segment_id, unit)
   select n, 'unit' || u from load, generate_series(1, repositories) n, generate_series(1, 20) u
   union all
   select repositories + n, 'unit1' from load, generate_series(1, branches) n where (n - 1) % per > 0`,
  `insert into segment_files (segment_id, unit, path, kind, mode, oid)
   select segment_id, unit, 'pages/' || unit || '.md', 'page', '100644', substring(sha256(unit::bytea) for 20)
   from segment_units`,
  `insert into segment_rows (segment_id, unit, collection, key, data)
   select segment_id, unit, 'page', unit, jsonb_build_object('title', unit, 'text', repeat('some words ', 30))
   from segment_units`,
  `insert into versions (id, branch_id, incarnation, seq, oid, tree_oid, tree_files, repository_id, projector,
                         base_segment, delta_segment, committed_at, author, blobs_parsed, blobs_reused,
                         units_assembled, build_ms)
   overriding system value
   select b.id, b.id, 1, b.desired_seq, b.desired_oid, b.desired_oid, 20, b.repository_id, l.projector,
          b.repository_id, case when b.class = 'draft' then l.repositories + b.id end, now(),
          'Ada <ada@example.org>', 1, 19, 1, 12
   from load l, branches b`,
  `insert into events (branch_id, position, type, message)
   select b.id, p, 'branch-materialized', jsonb_build_object(
     'type', 'version-updated', 'event', 'branch-materialized', 'repository', 'r' || b.repository_id,
     'branch', b.ref, 'class', b.class, 'incarnation', 1, 'position', p, 'at', '2026-01-01T00:00:00.000Z',
     'version', b.id::text, 'oid', encode(b.desired_oid, 'hex'), 'seq', b.desired_seq)
   from branches b, generate_series(1, 2) p`,
  `insert into consumers (name, queued) values ('reader', true)`,
  `insert into consumer_positions (consumer, branch_id, position) select 'reader', id, 2 from branches`,
  `insert into blob_documents (scope, parser, kind, oid, document, problems)
   select 'r' || repository_id, l.projector, 'page', desired_oid, '{"frontMatter":{"title":"a page"}}', '[]'
   from load l, branches`,
];
