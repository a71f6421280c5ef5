import type { Context } from "../context.ts";

export interface Retained {
  readonly versions: number;
  readonly segments: number;
  readonly blobs: number;
}

/**
 * Removes what nothing needs any more: versions of deleted branches, segments that no version points at and no builder
 * holds, and parsed blobs of projectors that no repository wants. Of a deleted branch its row stays, which fences out
 * builders of its past, and its events. Safe beside running builds: publishing asks for the version that rows were
 * copied from, so its builder's loss costs one more build.
 */
export async function retain(context: Context): Promise<Retained> {
  const versions = await context.db.query(
    `delete from headstart_materializer.versions v using headstart_materializer.branches b
     where b.id = v.branch_id and (b.deleted_at is not null or v.incarnation < b.incarnation)`,
  );
  const segments = await context.db.query(
    `delete from headstart_materializer.segments s
     where not exists (select from headstart_materializer.versions v where v.base_segment = s.id)
       and not exists (select from headstart_materializer.versions v where v.delta_segment = s.id)
       and not exists (select from headstart_materializer.branches b
                       where b.id = s.branch_id and b.lease_token = s.token)`,
  );
  const blobs = await context.db.query(
    `delete from headstart_materializer.blob_documents d
     where not exists (select from headstart_materializer.repositories r where r.scope = d.scope and r.projector = d.parser)`,
  );
  return { versions: versions.rowCount ?? 0, segments: segments.rowCount ?? 0, blobs: blobs.rowCount ?? 0 };
}
