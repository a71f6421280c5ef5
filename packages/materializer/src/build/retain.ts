import type { Context } from "../context.ts";

export interface Retained {
  readonly segments: number;
  readonly blobs: number;
}

/**
 * Removes what nothing needs any more: segments that no version points at and no builder holds, versions of deleted
 * branches beyond the history, and parsed blobs of projectors that no repository wants. Safe beside running builds:
 * publishing asks for the version that rows were copied from, so its builder's loss costs one more build.
 */
export async function retain(context: Context): Promise<Retained> {
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
  return { segments: segments.rowCount ?? 0, blobs: blobs.rowCount ?? 0 };
}
