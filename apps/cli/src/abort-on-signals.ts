import { CliError } from "./cli-error.ts";
import { exitCodes } from "./exit-codes.ts";

const exits = {
  SIGINT: exitCodes.interrupted,
  SIGTERM: exitCodes.terminated,
  SIGHUP: exitCodes.hungUp,
} as const;

/**
 * Milliseconds in which a signal that comes again is the same one: a terminal tells a whole process group of Ctrl-C,
 * and npm, which belongs to it, passes it on to the program that it runs.
 */
const sameMs = 1_000;

/**
 * Aborts at the first signal, so that the work ends in good order; the same one again, later, ends the process: who
 * asks twice means it. The listeners stay until then, since libraries that watch signals end a process in which nobody
 * else listens.
 */
export function abortOnSignals(onFirst: (signal: NodeJS.Signals) => void): AbortSignal {
  const interruption = new AbortController();
  for (const [signal, exitCode] of Object.entries(exits) as [keyof typeof exits, 129 | 130 | 143][]) {
    let first: number | undefined;
    process.on(signal, function listener() {
      first ??= performance.now();
      if (performance.now() - first > sameMs) {
        process.removeListener(signal, listener);
        process.kill(process.pid, signal);
      }
      if (interruption.signal.aborted) return;
      onFirst(signal);
      interruption.abort(new CliError("INTERRUPTED", `stopped by ${signal}`, { exitCode }));
    });
  }
  return interruption.signal;
}
