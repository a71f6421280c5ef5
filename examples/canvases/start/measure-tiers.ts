import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { loadTarget } from "@headstart/cli";
import {
  cacheDirectory,
  checkSnapshot,
  directoryStore,
  findTool,
  PgSnapshotError,
  prepare,
  startEmbeddedServer,
  type Prepared,
  type SnapshotManifest,
  type Target,
  type Tier,
} from "@headstart/pg-snapshot";
import type { ProgressLine } from "./progress-line.ts";

export interface MeasureOptions {
  /** Builds even where a snapshot is fresh. */
  readonly full: boolean;
  readonly signal: AbortSignal;
  readonly progress: ProgressLine;
}

/** How long each tier took on this machine, just now unless it says otherwise. */
export interface TierTimes {
  readonly build: { readonly ms: number; readonly recordedAt?: string | undefined };
  readonly snapshot: RestoreTime | PgSnapshotError;
  readonly template: { readonly ms: number };
  readonly clone: { readonly ms: number };
  readonly postgres: string;
}

export interface RestoreTime {
  readonly ms: number;
  readonly bytes: number;
  /** Whether it is the snapshot in the repository, and not one that an earlier run left in the user's cache. */
  readonly committed: boolean;
}

const project = join(import.meta.dirname, "..");

/** Makes the canvases database ready at each of the tiers in turn, dearest first, on the embedded server. */
export async function measureTiers({ full, signal, progress }: MeasureOptions): Promise<TierTimes> {
  progress.begin("server");
  await using server = await startEmbeddedServer({ signal, onProgress: progress.show });
  const target = withStores(await loadTarget("canvases", { cwd: project }));
  const options = { server: server.url, signal, onProgress: progress.show };

  const recorded = full ? undefined : await freshSnapshot(target, signal);
  let build: TierTimes["build"] = recorded
    ? { ms: recorded.manifest.buildMs ?? NaN, recordedAt: recorded.manifest.createdAt }
    : await timePreparation("tier 3, build", () => prepare(target, { ...options, from: "build" }));
  const snapshot = await orRefusal(async () => {
    await findTool("pg_restore", Number.parseInt(server.version, 10), {}, { signal });
    return await timePreparation("tier 2, snapshot", () =>
      prepare(target, { ...options, from: "snapshot", save: "never" }),
    );
  });
  if (snapshot instanceof PgSnapshotError && recorded) {
    // Nothing could be restored, so the template may still have to be made.
    const { tier, ms } = await timePreparation("tier 3, build", () =>
      prepare(target, { ...options, save: "never" }),
    );
    if (tier === "build") build = { ms };
  }
  const template = await timePreparation("tier 1, template", () =>
    prepare(target, { ...options, from: "template", save: "never" }),
  );
  const clone = await timeClone();
  const restored = recorded ?? (await freshSnapshot(target, signal));
  const about = { bytes: restored?.manifest.dump.bytes ?? NaN, committed: restored?.committed ?? false };
  return {
    build,
    snapshot: snapshot instanceof PgSnapshotError ? snapshot : { ...snapshot, ...about },
    template,
    clone,
    postgres: server.version,
  };

  async function timePreparation(
    work: string,
    run: () => Promise<Prepared>,
  ): Promise<{ tier: Tier; ms: number }> {
    progress.begin(work);
    await using prepared = await run();
    const serving = prepared.timings.filter(({ phase }) => phase !== "strip" && phase !== "dump");
    const { tier, totalMs } = prepared;
    return { tier, ms: serving.length > 1 ? sum(serving.map(({ ms }) => ms)) : totalMs };
  }

  async function timeClone(): Promise<{ ms: number }> {
    progress.begin("clone");
    await using prepared = await prepare(target, { ...options, from: "template", save: "never" });
    const started = performance.now();
    await using clone = await prepared.template.clone({ signal });
    void clone;
    return { ms: performance.now() - started };
  }
}

/**
 * The committed snapshot is only read: running an example changes no file that git tracks. What a build makes
 * goes to a store in the user's cache.
 */
function withStores(target: Target): Target {
  const committed = directoryStore(join(project, "snapshots"));
  const own = directoryStore(join(cacheDirectory(), "examples"), { writable: true });
  return { ...target, stores: [committed, own] };
}

interface FreshSnapshot {
  readonly manifest: SnapshotManifest;
  readonly committed: boolean;
}

async function freshSnapshot(target: Target, signal: AbortSignal): Promise<FreshSnapshot | undefined> {
  const { digest } = await target.fingerprint({ signal });
  for (const store of target.stores ?? []) {
    const check = await checkSnapshot(store, { target: target.name, digest }, { signal });
    if (check.status === "fresh") return { manifest: check.manifest, committed: !store.writable };
  }
  return undefined;
}

/** Without pg_restore there is no second tier, and the others are worth seeing all the same. */
async function orRefusal<T>(work: () => Promise<T>): Promise<T | PgSnapshotError> {
  try {
    return await work();
  } catch (error) {
    const refused = error instanceof PgSnapshotError && /^(TOOL|SNAPSHOT)_/.test(error.code);
    if (refused) return error;
    throw error;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
