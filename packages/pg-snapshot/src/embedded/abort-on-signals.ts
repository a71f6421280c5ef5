const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** What runs in this process just now and wants to clean up before the process ends. */
const running = new Set<AbortController>();
let received: NodeJS.Signals | undefined;
let handled: readonly NodeJS.Signals[] = [];

/**
 * Runs `work` with a signal that aborts with `signal`, and also when the process is told to end while nobody
 * else in it listens to that. Once all such work has cleaned up, the process ends as it was told to.
 *
 * @param undo takes back a `work` that had succeeded by then
 */
export async function abortOnSignals<T>(
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
  undo: (result: T) => Promise<void>,
): Promise<T> {
  const interruption = new AbortController();
  if (running.size === 0) listen();
  running.add(interruption);
  try {
    const result = await work(AbortSignal.any([interruption.signal, ...(signal ? [signal] : [])]));
    if (!interruption.signal.aborted) return result;
    await undo(result);
    throw interruption.signal.reason;
  } finally {
    running.delete(interruption);
    if (running.size === 0) stopListening();
  }
}

function interrupt(by: NodeJS.Signals): void {
  received ??= by;
  for (const one of running) one.abort(new Error(`the process was told to end by ${by}`));
}

function listen(): void {
  handled = endingSignals.filter((name) => process.listenerCount(name) === 0);
  for (const name of handled) process.on(name, interrupt);
}

function stopListening(): void {
  for (const name of handled) process.removeListener(name, interrupt);
  if (received !== undefined) process.kill(process.pid, received);
  received = undefined;
}
