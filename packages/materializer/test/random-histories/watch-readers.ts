import type pg from "pg";
import { expect } from "vitest";
import type { History, Notes } from "./history.ts";
import type { ReleaseName } from "./release.ts";

/** What a reader sees of one branch at one moment. */
interface Sight {
  readonly repository: string;
  readonly ref: string;
  readonly oid: string;
  readonly notes: Notes;
  readonly pinned: boolean;
  /** Counts up over all branches of a repository, also when nothing is left of a branch that was deleted. */
  readonly seq: number;
}

const names: readonly ReleaseName[] = ["old", "new"];

export interface Readers extends AsyncDisposable {
  /** Fails when somebody saw what no commit of that branch gives in any release, or an older state after a newer one. */
  check(): Promise<void>;
  /** How many different things were seen. */
  count(): number;
}

/** Reads all branches all the time. `whileAway` says what a reader does whose statement failed. */
export function watchReaders(
  db: pg.Pool,
  history: History,
  whileAway: (error: unknown) => Promise<void>,
): Readers {
  const over = new AbortController();
  const seen = new Map<string, Sight>();
  const known = new Set<string>();
  const newest = new Map<string, Sight>();
  const goneBack: string[] = [];
  let failure: { readonly error: unknown } | undefined;
  const loop = (async () => {
    while (!over.signal.aborted) {
      const sights = await readServed(db).catch(async (error: unknown) => {
        await whileAway(error);
        return [];
      });
      for (const sight of sights) {
        seen.set(JSON.stringify(sight), sight);
        if (sight.pinned) continue;
        const branch = `${sight.repository} ${sight.ref}`;
        const before = newest.get(branch);
        if (before !== undefined && sight.seq < before.seq)
          goneBack.push(`${branch}: ${sight.oid} after ${before.oid}`);
        newest.set(branch, sight);
      }
    }
  })().catch((error: unknown) => void (failure = { error }));
  return {
    check: async () => {
      if (failure !== undefined) throw failure.error;
      expect(goneBack).toEqual([]);
      for (const [id, { ref, oid, notes }] of seen) {
        if (known.has(id)) continue;
        const branch = ref.slice("refs/heads/".length);
        expect(history.wasAt(branch, oid), `${branch} was at ${oid}`).toBe(true);
        expect(names.map((name) => history.notesOf(oid, name))).toContainEqual(notes);
        known.add(id);
      }
      seen.clear();
    },
    count: () => known.size,
    [Symbol.asyncDispose]: async () => {
      over.abort();
      await loop;
    },
  };
}

/** Every branch that is served, also when its version has no row. */
export async function readServed(db: pg.Pool): Promise<Sight[]> {
  const { rows } = await db.query<Sight>(
    `select p.name as repository, b.ref, encode(v.oid, 'hex') as oid,
            b.pinned_at is not null as pinned, v.seq::int as seq,
            coalesce(jsonb_object_agg(r.key, r.data - 'links') filter (where r.key is not null), '{}') as notes
     from headstart_materializer.branches b
     join headstart_materializer.repositories p on p.id = b.repository_id
     join headstart_materializer.versions v on v.id = b.served_version
     left join headstart_materializer.branch_rows r
       on r.repository = p.name and r.ref = b.ref and r.version_id = v.id
     group by p.id, b.id, v.id`,
  );
  return rows;
}
