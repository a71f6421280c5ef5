import type { Context } from "../context.ts";
import { materialize, type Materialized } from "../build/materialize.ts";
import { observe, type Observation } from "../observe/observe.ts";
import { claim, type Lease } from "../queue/claim.ts";

export interface RunOptions {
  /** Ends the run: no more is taken, running builds are aborted and their leases given back. */
  readonly signal: AbortSignal;
  /** Builds at a time, asked before each claim, so that it can be changed while running. Default 4. */
  readonly concurrency?: () => number;
  /** Repositories looked at at a time: a remote that does not answer holds up one of them. Default 4. */
  readonly observers?: number;
  /** Milliseconds between two looks at the queue when nothing is due. Default 1,000. */
  readonly idleMs?: number;
  /** Resolves when something may be due before that, for instance at a notification. */
  readonly wake?: (signal: AbortSignal) => Promise<void>;
  readonly onObserved?: (repository: string, observation: Observation | Error) => void;
  readonly onClaimed?: (lease: Lease) => void;
  readonly onMaterialized?: (lease: Lease, result: Materialized | Error) => void;
  /** A failure of the loop itself, a lost database for instance; the loop waits and goes on. */
  readonly onError?: (error: unknown) => void;
}

/** Observes due repositories and builds due branches until the signal aborts. Any number of processes may run it. */
export async function run(context: Context, options: RunOptions): Promise<void> {
  const observers = Array.from({ length: options.observers ?? 4 }, async () => {
    await observeLoop(context, options);
  });
  await Promise.all([...observers, buildLoop(context, options)]);
}

async function observeLoop(context: Context, options: RunOptions): Promise<void> {
  const { signal } = options;
  await forever(options, async () => {
    const name = await dueRepository(context);
    if (name === undefined) return false;
    try {
      // Not as an argument: an optional call does not evaluate its arguments when there is nobody to call.
      const observation = await observe(context, name, { signal });
      options.onObserved?.(name, observation);
    } catch (error) {
      if (!signal.aborted) options.onObserved?.(name, asError(error));
    }
    return true;
  });
}

/** One of those that wait for longest: if all looked for the very first, all but one would find it taken. */
async function dueRepository(context: Context): Promise<string | undefined> {
  const { rows } = await context.db.query<{ name: string }>(
    `select name from (
       select name from headstart_materializer.repositories
       where observe_at <= now() and paused_at is null
         and (observe_until is null or observe_until < clock_timestamp())
       order by observe_at limit 32
     ) due order by random() limit 1`,
  );
  return rows[0]?.name;
}

async function buildLoop(context: Context, options: RunOptions): Promise<void> {
  const running = new Set<Promise<void>>();
  const concurrency = options.concurrency ?? (() => 4);
  // A build that has ended may have left more to do: a hint came meanwhile, or it failed.
  const built = async (): Promise<void> => await Promise.race(running);
  const step = async (): Promise<boolean> => {
    const free = concurrency() - running.size;
    const leases = free > 0 ? await claim(context, { limit: free }) : [];
    for (const lease of leases) {
      options.onClaimed?.(lease);
      const work = buildOne(context, lease, options).finally(() => running.delete(work));
      running.add(work);
    }
    // While there is room, a long build must not keep what comes due from being taken.
    if (free > 0 || running.size === 0) return leases.length > 0;
    await built();
    return true;
  };
  await forever(options, step, built);
  await Promise.all(running);
}

async function buildOne(context: Context, lease: Lease, options: RunOptions): Promise<void> {
  try {
    const result = await materialize(context, lease, { signal: options.signal });
    options.onMaterialized?.(lease, result);
  } catch (error) {
    options.onMaterialized?.(lease, asError(error));
  }
}

/** Calls `step` until the signal aborts; when it had nothing to do or failed, waits first, for `wake` at the longest. */
async function forever(
  options: RunOptions,
  step: () => Promise<boolean>,
  wake?: () => Promise<void>,
): Promise<void> {
  const { signal } = options;
  while (!signal.aborted) {
    const busy = await step().catch((error: unknown) => {
      if (!signal.aborted) options.onError?.(error);
      return false;
    });
    if (!busy) await idle(options, wake);
  }
}

/**
 * Waits for the next look, a wake-up or the end, whichever comes first. By a plain timer: a signal of
 * `AbortSignal.timeout` that only `AbortSignal.any` knows may be collected before it fires.
 */
async function idle(
  { signal, idleMs = 1_000, wake }: RunOptions,
  alsoWake?: () => Promise<void>,
): Promise<void> {
  const over = new AbortController();
  const end = (): void => over.abort();
  const timer = setTimeout(end, idleMs);
  signal.addEventListener("abort", end, { once: true });
  const ended = new Promise<void>((resolve) =>
    over.signal.addEventListener("abort", () => resolve(), { once: true }),
  );
  if (signal.aborted) end();
  const wakers = [wake?.(over.signal), alsoWake?.()];
  await Promise.race([ended, ...wakers.filter((waker) => waker !== undefined)]);
  clearTimeout(timer);
  signal.removeEventListener("abort", end);
  end();
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
