import type { Context } from "../context.ts";
import { repositoryColumns, type Repository } from "../repositories/repository.ts";
import { retainBlobs, type Parsed } from "./retain-blobs.ts";
import { retainBranches } from "./retain-branches.ts";
import { retainSegments } from "./retain-segments.ts";
import { walk, type Place } from "./walk.ts";

/** How many of each were removed. */
export interface Retained {
  readonly versions: number;
  readonly segments: number;
  readonly blobs: number;
  readonly events: number;
  /** Rows of branches that were deleted long ago. */
  readonly branches: number;
  /** Mirrors on this machine that were not used for a week, and are of no registered repository. */
  readonly mirrors: number;
}

interface Places {
  readonly branches: Place;
  readonly segments: Place;
  blobs: Parsed | undefined;
}

/** Where this process's last call ended. */
const places = new WeakMap<Context, Places>();

/**
 * Removes what nothing needs any more: versions of deleted branches, segments that no version points at and no builder
 * holds, parsed blobs of projectors that no repository wants, mirrors that nobody used for a week and no repository has; and of what is older
 * than `settings.keepEventsMs` and was read by every consumer the first events of each branch, and the rows of deleted
 * ones. Safe beside running builds: publishing asks for the version that rows were copied from, so its builder's loss
 * costs one more build.
 *
 * One call looks at a bounded part, in short statements, and the next one goes on behind it: with more than some ten
 * thousand branches it takes several to have seen all.
 */
export async function retain(
  context: Context,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<Retained> {
  const { db, settings } = context;
  const place = places.get(context) ?? (await startAnywhere(context));
  places.set(context, place);
  const removed = { versions: 0, segments: 0, events: 0, branches: 0 };
  const { keepEventsMs } = settings;
  await walk(
    place.branches,
    async (after, batch) => await retainBranches(db, { after, batch, keepEventsMs }, removed),
    signal,
  );
  await walk(
    place.segments,
    async (after, batch) => await retainSegments(db, { after, batch }, removed),
    signal,
  );
  const blobs = await retainBlobs(db, place.blobs, signal);
  place.blobs = blobs.after;
  const mirrors = await context.mirrors.removeUnused(async () => await registered(context), signal);
  return { ...removed, blobs: blobs.removed, mirrors };
}

async function registered({ db }: Context): Promise<Repository[]> {
  const { rows } = await db.query<Repository>(
    `select ${repositoryColumns} from headstart_materializer.repositories r order by r.id`,
  );
  return rows;
}

/** Processes that all began at the first row, and end before they come to the last, would never see that. */
async function startAnywhere({ db }: Context): Promise<Places> {
  const { rows } = await db.query<{ branches: string; segments: string }>(
    `select floor(random() * coalesce((select max(id) from headstart_materializer.branches), 0))::bigint::text as branches,
            floor(random() * coalesce((select max(id) from headstart_materializer.segments), 0))::bigint::text as segments`,
  );
  const { branches = "0", segments = "0" } = rows[0] ?? {};
  return { branches: { after: branches }, segments: { after: segments }, blobs: undefined };
}
