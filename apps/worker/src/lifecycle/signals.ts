export interface SignalHandlers {
  /** Asked to end, by which signal; called again when it is asked again. */
  readonly onEnd: (signal: NodeJS.Signals) => void;
  /** SIGHUP: the configuration may have changed. */
  readonly onReload: () => void;
}

/** Listens until the process ends. The listeners stay: a process in which nobody listens is ended by the signal. */
export function listenToSignals({ onEnd, onReload }: SignalHandlers): void {
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => onEnd(signal));
  process.on("SIGHUP", onReload);
}
