import { rm } from "node:fs/promises";
import { join } from "node:path";
import { holdFetchLock } from "./fetch-lock.ts";
import {
  fetchAll,
  fetchAround,
  fetchListed,
  fetchUnlisted,
  isRefusedContent,
  mirroredPrefix,
  type FetchOptions,
  type FetchOutcome,
} from "./fetch-refs.ts";
import {
  currentGeneration,
  isDistrusted,
  newGeneration,
  publishGeneration,
  sweepGenerations,
  type Generation,
} from "./generations.ts";
import { GitError } from "./git-error.ts";
import { listMirroredRefs, listRemoteRefs } from "./list-refs.ts";
import { maintain } from "./maintain.ts";
import { locally, remotely, type Place } from "./place.ts";
import { runGit } from "./run-git.ts";

/** What a fetch is to bring. */
export interface FetchOrder {
  readonly signal?: AbortSignal | undefined;
  /** Only these branches, at these commits: as the remote listed them just now. @default all, as they are */
  readonly listed?: ReadonlyMap<string, string> | undefined;
}

/**
 * Fetches into the mirror, and replaces it when it cannot be fetched into any more.
 *
 * @throws GitError
 */
export async function updateMirror(place: Place, order: FetchOrder = {}): Promise<FetchOutcome> {
  const { signal } = order;
  await using _lock = await holdFetchLock(join(place.directory, "lock"), signal);
  const current = await currentGeneration(place.directory);
  if (current !== undefined && !(await isDistrusted(current))) {
    try {
      const outcome = await fetchInto(place, current, order);
      // Only speed is lost when this fails, and the next fetch tries again.
      await maintain(current.directory, locally(place, current, signal)).catch(() => undefined);
      return outcome;
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
  }
  return await replace(place, current, signal);
}

/**
 * Fetches one commit that no branch has any more.
 *
 * @throws GitError `RefMissing` when the remote does not give it
 */
export async function fetchCommit(place: Place, oid: string, signal?: AbortSignal): Promise<void> {
  await using _lock = await holdFetchLock(join(place.directory, "lock"), signal);
  const current = await currentGeneration(place.directory);
  if (current === undefined) throw new GitError("RefMissing", `The remote has no branch, and no ${oid}.`);
  await fetchUnlisted(oid, fetchOptions(place, current, signal));
}

/** What says that the mirror itself is at fault: what it holds, or a lock that a killed git left. */
function isDamage(error: unknown): boolean {
  return error instanceof GitError && error.kind === "Corrupt";
}

async function replace(
  place: Place,
  current: Generation | undefined,
  signal?: AbortSignal,
): Promise<FetchOutcome> {
  const { refs, unreadable, objectFormat } = await listRemoteRefs(place, signal);
  // An empty repository does not tell its format, and there is nothing to keep of it.
  if (refs.size + unreadable.length === 0 && current === undefined) return { complete: true, rejected: [] };
  await sweepGenerations(place.directory, [current?.directory]);
  const made = await newGeneration(place.directory, objectFormat);
  try {
    await initialise(place, made, signal);
    const outcome = await fetchInto(place, made, { signal });
    await publishGeneration(place.directory, made);
    return outcome;
  } catch (error) {
    await rm(made.directory, { recursive: true, force: true });
    throw error;
  }
}

async function initialise(
  place: Place,
  { directory, objectFormat }: Generation,
  signal?: AbortSignal,
): Promise<void> {
  const args = ["init", "--quiet", "--bare", "--template=", `--object-format=${objectFormat}`, directory];
  const { GIT_DIR: _none, ...environment } = locally(place, { directory, objectFormat }, signal).environment;
  const ended = await runGit(args, { ...locally(place, { directory, objectFormat }, signal), environment });
  if (!ended.ok) throw ended.failure();
}

async function fetchInto(
  place: Place,
  generation: Generation,
  { listed, signal }: FetchOrder,
): Promise<FetchOutcome> {
  const options = fetchOptions(place, generation, signal);
  try {
    if (listed !== undefined && (await fetchListed(listed, options)))
      return { complete: false, rejected: [] };
    const { fault, ...outcome } = await fetchAll(options);
    if (fault !== undefined && isDamage(fault)) throw fault;
    return outcome;
  } catch (error) {
    if (!isRefusedContent(error)) throw error;
    return await fetchGoodOnes(place, generation, signal);
  }
}

function fetchOptions(place: Place, generation: Generation, signal?: AbortSignal): FetchOptions {
  const { url, limits } = place;
  const { directory } = generation;
  return { ...remotely(place, generation, signal), url, directory, maxBytes: limits.maxFetchBytes };
}

/** Objects of one branch are refused, and git then fetches none: the others are fetched without it. */
async function fetchGoodOnes(
  place: Place,
  generation: Generation,
  signal?: AbortSignal,
): Promise<FetchOutcome> {
  const [wanted, present] = [
    await listRemoteRefs(place, signal),
    await listMirroredRefs(place, generation, signal),
  ];
  const gone = [...present.refs.keys()].filter((ref) => !wanted.refs.has(ref));
  const deletions = gone
    .map((ref) => `delete ${mirroredPrefix}${ref.slice("refs/heads/".length)}\n`)
    .join("");
  const deleted = await runGit(["update-ref", "--stdin"], {
    ...locally(place, generation, signal),
    input: deletions,
  });
  if (!deleted.ok) throw deleted.failure();
  const moved = [...wanted.refs].filter(([ref, oid]) => present.refs.get(ref) !== oid).map(([ref]) => ref);
  const rejected = await fetchAround(moved, fetchOptions(place, generation, signal));
  return { complete: rejected.length === 0, rejected };
}
