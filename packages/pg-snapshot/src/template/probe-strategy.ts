import { performance } from "node:perf_hooks";
import { PgSnapshotError } from "../errors.ts";
import { scratchName } from "../names.ts";
import type { Owner } from "../owner.ts";
import { createDatabase, dropDatabase } from "./create-database.ts";
import type { CloneStrategy } from "./template-description.ts";

export interface ProbedStrategy {
  /** The fastest; `null` where the server offers no choice (Postgres 14). */
  readonly strategy: CloneStrategy | null;
  /** Fastest clone by each strategy, in milliseconds. */
  readonly probe: Readonly<Record<string, number>>;
}

/** Two clones each, in turn, so that a passing load does not decide; the faster of the two counts. */
const rounds = 2;

/**
 * Clones `template` by every strategy that the server has and says which is fastest here: it depends on the
 * size, on `fsync` and on the file system, so it is measured where it will be used.
 */
export async function probeStrategy(
  owner: Owner,
  template: string,
  { target, signal }: { target: string; signal?: AbortSignal | undefined },
): Promise<ProbedStrategy> {
  const major = owner.session.serverMajor;
  if (major < 15) return { strategy: null, probe: {} };
  const candidates = new Set<CloneStrategy>([
    "file_copy",
    "wal_log",
    ...(major >= 18 ? (["file_clone"] as const) : []),
  ]);
  const best = new Map<CloneStrategy, number>();
  for (let round = 0; round < rounds; round++) {
    for (const strategy of candidates) {
      const ms = await timeClone(owner, template, { strategy, target, signal });
      if (ms === undefined) candidates.delete(strategy);
      else best.set(strategy, Math.min(ms, best.get(strategy) ?? Infinity));
    }
  }
  const fastest = [...best].sort((a, b) => a[1] - b[1])[0];
  return { strategy: fastest?.[0] ?? null, probe: Object.fromEntries(best) };
}

interface TimeCloneOptions {
  readonly strategy: CloneStrategy;
  readonly target: string;
  readonly signal?: AbortSignal | undefined;
}

/** `undefined` when the file system cannot share blocks. */
async function timeClone(
  owner: Owner,
  template: string,
  options: TimeCloneOptions,
): Promise<number | undefined> {
  const { strategy, target, signal } = options;
  const name = scratchName(owner.id, target);
  const started = performance.now();
  try {
    await createDatabase(owner, name, { template, strategy, signal });
    return Math.round((performance.now() - started) * 10) / 10;
  } catch (error) {
    const unsupported = error instanceof PgSnapshotError && error.code === "QUERY_FAILED";
    if (strategy === "file_clone" && unsupported) return undefined;
    throw error;
  } finally {
    await dropDatabase(owner, name);
  }
}
