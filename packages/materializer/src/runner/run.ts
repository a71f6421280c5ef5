import type { Context } from "../context.ts";
import { materialize, type Materialized } from "../build/materialize.ts";
import { observe, type Observation } from "../observe/observe.ts";
import { abortSignal, callback, milliseconds, options, wholeNumber } from "../options/allowed.ts";
import { checkOptions } from "../options/check-options.ts";
import { claim, type Lease } from "../queue/claim.ts";

export interface RunOptions {
  /** Ends the run: no more is taken, running builds are aborted and their leases given back. */
  readonly signal: AbortSignal;
  /** Builds at a time, asked before each claim, so that it can be changed while running. Default 4. */
  readonly concurrency?: () => number;
  /** Repositories looked at at a time: a remote that does not answer holds up one of them. Default 4. */
  readonly observers?: number;
  /** Milliseconds between two looks at the queue when nothing is due, read before each pause. Default 1,000. */
  readonly idleMs?: number;
  /** Resolves when something may be due before that, for instance at a notification. */
  readonly wake?: (signal: AbortSignal) => Promise<void>;
  readonly onObserved?: (repository: string, observation: Observation | Error) => void;
  readonly onClaimed?: (lease: Lease) => void;
  readonly onMaterialized?: (lease: Lease, result: Materialized | Error) => void;
  /** A failure of the loop itself, of `wake` or of a callback above; the loop waits and goes on. What it throws ends the run. */
  readonly onError?: (error: unknown) => void;
}

const runOptions = options({
  signal: abortSignal,
  concurrency: callback.optional(),
  observers: wholeNumber(0, 1_000).optional(),
  idleMs: milliseconds.optional(),
  wake: callback.optional(),
  onObserved: callback.optional(),
  onClaimed: callback.optional(),
  onMaterialized: callback.optional(),
  onError: callback.optional(),
});

const builds = options({ concurrency: wholeNumber(0, 10_000) });

/**
 * Observes due repositories and builds due branches until the signal aborts. Any number of processes may run it.
 *
 * @throws MaterializerError `OPTION_INVALID`, before anything is begun; what `onError` throws, once everything that was
 *   under way has ended.
 */
export async function run(context: Context, given: RunOptions): Promise<void> {
  checkOptions("run", runOptions, given);
  const ending = new AbortController();
  const end = (): void => ending.abort(given.signal.reason);
  given.signal.addEventListener("abort", end, { once: true });
  if (given.signal.aborted) end();
  let thrown: { readonly error: unknown } | undefined;
  const onError = (error: unknown): void => {
    try {
      given.onError?.(error);
    } catch (refusal) {
      thrown ??= { error: refusal };
      ending.abort(refusal);
    }
  };
  // Not a copy: the caller may change what is read before each pause or claim.
  const running: Running = Object.create(given, {
    signal: { value: ending.signal },
    onError: { value: onError },
  }) as Running;
  const observers = Array.from({ length: given.observers ?? 4 }, async () => {
    await observeLoop(context, running);
  });
  await Promise.all([...observers, buildLoop(context, running)]);
  given.signal.removeEventListener("abort", end);
  if (thrown !== undefined) throw thrown.error;
}

type Running = RunOptions & { readonly onError: (error: unknown) => void };

/** A callback that throws fails nothing but itself. */
function tell({ onError }: Running, callback: () => void): void {
  try {
    callback();
  } catch (error) {
    onError(error);
  }
}

async function observeLoop(context: Context, options: Running): Promise<void> {
  const { signal } = options;
  await forever(options, async () => {
    const name = await dueRepository(context);
    if (name === undefined) return false;
    const observation = await observe(context, name, { signal }).catch(asError);
    if (!(observation instanceof Error && signal.aborted))
      tell(options, () => options.onObserved?.(name, observation));
    return true;
  });
}

/** One of those that wait for longest: if all looked for the very first, all but one would find it taken. */
async function dueRepository(context: Context): Promise<string | undefined> {
  const { rows } = await context.db.query<{ name: string }>(
    `select name from (
       select name from headstart_materializer.repositories
       where observe_at <= now() and (not_before is null or not_before <= now()) and paused_at is null
         and (observe_until is null or observe_until < clock_timestamp())
       order by observe_at limit 32
     ) due order by random() limit 1`,
  );
  return rows[0]?.name;
}

async function buildLoop(context: Context, options: Running): Promise<void> {
  const running = new Set<Promise<void>>();
  const concurrency = options.concurrency ?? (() => 4);
  // A build that has ended may have left more to do: a hint came meanwhile, or it failed.
  const built = async (): Promise<void> => await Promise.race(running);
  const step = async (): Promise<boolean> => {
    const atOnce = concurrency();
    checkOptions("run", builds, { concurrency: atOnce });
    const free = atOnce - running.size;
    const leases = free > 0 ? await claim(context, { limit: free }) : [];
    for (const lease of leases) {
      tell(options, () => options.onClaimed?.(lease));
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

async function buildOne(context: Context, lease: Lease, options: Running): Promise<void> {
  const result = await materialize(context, lease, { signal: options.signal }).catch(asError);
  tell(options, () => options.onMaterialized?.(lease, result));
}

/** Calls `step` until the signal aborts; when it had nothing to do or failed, waits first, for `wake` at the longest. */
async function forever(
  options: Running,
  step: () => Promise<boolean>,
  wake?: () => Promise<void>,
): Promise<void> {
  const { signal } = options;
  while (!signal.aborted) {
    const busy = await step().catch((error: unknown) => {
      if (!signal.aborted) options.onError(error);
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
  { signal, idleMs = 1_000, wake, onError }: Running,
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
  const woken = async (): Promise<void> => {
    try {
      await (wake?.(over.signal) ?? ended);
    } catch (error) {
      if (!over.signal.aborted) onError(error);
      await ended;
    }
  };
  await Promise.race([ended, woken(), ...(alsoWake === undefined ? [] : [alsoWake()])]);
  clearTimeout(timer);
  signal.removeEventListener("abort", end);
  end();
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
