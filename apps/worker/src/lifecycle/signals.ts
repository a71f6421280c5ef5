export interface SignalHandlers {
  /** Asked to end, by which signal; called again when it is asked again. */
  readonly onEnd: (signal: NodeJS.Signals) => void;
  /** SIGHUP: the configuration may have changed. */
  readonly onReload: () => void;
}

/**
 * A repeat of the same signal within this many milliseconds of the first is no second one: at a Ctrl-C the terminal tells
 * every process of its group, and `npx` passes on what it was told itself.
 */
const REPEAT_MS = 1_000;

/** Listens until the process ends. The listeners stay: a process in which nobody listens is ended by the signal. */
export function listenToSignals({ onEnd, onReload }: SignalHandlers): void {
  let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  const end = (signal: NodeJS.Signals): void => {
    const at = performance.now();
    if (first?.signal === signal && at - first.at < REPEAT_MS) return;
    first ??= { signal, at };
    onEnd(signal);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => end(signal));
  process.on("SIGHUP", onReload);
}
