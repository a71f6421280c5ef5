const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs `work` with a signal that aborts with `signal`, and also when the process is told to end while nobody
 * else in it listens to that. The process then ends as it was told to once `work` has cleaned up.
 *
 * @param undo takes back a `work` that had succeeded by then
 */
export async function abortOnSignals<T>(
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
  undo: (result: T) => Promise<void>,
): Promise<T> {
  const interruption = new AbortController();
  const interrupt = (by: NodeJS.Signals): void =>
    interruption.abort(new Error(`the process was told to end by ${by}`, { cause: by }));
  const handled = endingSignals.filter((name) => process.listenerCount(name) === 0);
  for (const name of handled) process.once(name, interrupt);
  try {
    const result = await work(AbortSignal.any([interruption.signal, ...(signal ? [signal] : [])]));
    if (!interruption.signal.aborted) return result;
    await undo(result);
    throw interruption.signal.reason;
  } finally {
    for (const name of handled) process.removeListener(name, interrupt);
    if (interruption.signal.aborted) {
      process.kill(process.pid, (interruption.signal.reason as { cause: NodeJS.Signals }).cause);
    }
  }
}
