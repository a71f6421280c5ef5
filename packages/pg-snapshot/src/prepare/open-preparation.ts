import { PgSnapshotError } from "../errors.ts";
import { templateName } from "../names.ts";
import { Owner } from "../owner.ts";
import { resolveConnection } from "../server/connection-settings.ts";
import { checkTableNames } from "./check-table-names.ts";
import type { Preparation, PrepareOptions } from "./preparation.ts";
import { Stopwatch } from "./stopwatch.ts";
import type { Target } from "./target.ts";

const defaultDeadlineMs = 3_600_000;

/** Milliseconds beyond which a timer overflows and fires at once: 24 days, and nothing takes that long. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Identifies the target's inputs and opens what the work on it needs. Disposing of it ends the deadline; the
 * owner is the caller's to pass on or to close.
 *
 * @throws {PgSnapshotError} as {@link Owner.open} does, and what the target's fingerprint throws
 */
export async function openPreparation(
  target: Target,
  options: PrepareOptions,
): Promise<Preparation & Disposable> {
  const { server, onProgress = () => undefined, deadlineMs = defaultDeadlineMs } = options;
  const settings = typeof server === "object" ? server : resolveConnection(server);
  checkTableNames(target);
  const stopwatch = new Stopwatch();
  const deadline = startDeadline(deadlineMs, target.name);
  try {
    const given = options.signal ? [options.signal, deadline.signal] : [deadline.signal];
    const early = AbortSignal.any(given);
    onProgress({ phase: "fingerprint" });
    const identity = await stopwatch.time("fingerprint", () => target.fingerprint({ signal: early }));
    // What the server lists as the connection's name holds no NUL.
    const purpose = `prepare ${target.name.slice(0, 20).replaceAll("\0", " ")}`;
    const owner = await Owner.open(settings, { purpose, signal: early });
    return {
      target,
      options,
      identity,
      owner,
      templateName: templateName(target.name, identity.digest, owner.role),
      signal: AbortSignal.any([...given, owner.session.lost]),
      onProgress,
      stopwatch,
      steps: [],
      [Symbol.dispose]: deadline[Symbol.dispose],
    };
  } catch (error) {
    deadline[Symbol.dispose]();
    throw error;
  }
}

function startDeadline(ms: number, target: string): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const timer = setTimeout(
    () => {
      const message = `"${target}" was not ready within ${Math.round(ms / 1000)} s`;
      const hint = "raise deadlineMs, or look at what the build waits for";
      controller.abort(new PgSnapshotError("DEADLINE_EXCEEDED", message, { hint }));
    },
    Math.min(ms, longestTimerMs),
  );
  timer.unref();
  return { signal: controller.signal, [Symbol.dispose]: () => clearTimeout(timer) };
}
