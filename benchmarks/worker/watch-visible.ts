import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";

/** Milliseconds between two looks of a reader; a time is exact to this. */
const LOOK_MS = 5;

/** Tells when readers see what. */
export interface Watch {
  /** A commit of a branch is on its way; a later one of the same branch shows it as well. */
  expect(branch: string, oid: string, from: number): void;
  /** Resolves with the milliseconds that each took, once all are visible. */
  all(): Promise<number[]>;
}

interface Expected {
  readonly oid: string;
  readonly from: number;
}

/** Looks at what is served, as a reader does, until everything that was expected is seen. */
export function watchVisible(db: pg.Pool): Watch {
  const expected = new Map<string, Expected[]>();
  const took: number[] = [];
  let left = 0;
  let running: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    while (left > 0) {
      const served = await servedCommits(db, [...expected.keys()]);
      const now = performance.now();
      for (const [branch, commits] of expected) {
        const reached = commits.findIndex(({ oid }) => oid === served.get(branch));
        if (reached < 0) continue;
        const seen = commits.splice(0, reached + 1);
        left -= seen.length;
        took.push(...seen.map(({ from }) => now - from));
        if (commits.length === 0) expected.delete(branch);
      }
      await delay(LOOK_MS);
    }
    running = undefined;
  };
  return {
    expect: (branch, oid, from) => {
      expected.set(branch, [...(expected.get(branch) ?? []), { oid, from }]);
      left += 1;
      running ??= look();
    },
    all: async () => {
      await running;
      return took;
    },
  };
}

async function servedCommits(db: pg.Pool, branches: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await db.query<{ branch: string; oid: string }>(
    `select substr(b.ref, length('refs/heads/') + 1) as branch, encode(v.oid, 'hex') as oid
     from headstart_materializer.branches b join headstart_materializer.versions v on v.id = b.served_version
     where b.ref = any($1)`,
    [branches.map((branch) => `refs/heads/${branch}`)],
  );
  return new Map(rows.map(({ branch, oid }) => [branch, oid]));
}
