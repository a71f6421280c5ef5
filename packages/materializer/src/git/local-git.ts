import { simpleGit } from "simple-git";
import { failureOf } from "./classify-failure.ts";
import { throwIfAborted } from "./git-error.ts";
import type { RunOptions } from "./run-git.ts";

/**
 * Runs git on what is here, for an answer in a few lines of text. Not for the network, and not where bytes matter:
 * that is `streamGit`. The signal, and the disposal of the mirror, end it.
 *
 * @throws GitError
 */
export async function localGit(
  args: readonly string[],
  options: RunOptions & { directory: string },
): Promise<string> {
  const { directory, environment, redact, timeoutMs } = options;
  const ends = [options.signal, options.closing].filter((each) => each !== undefined);
  const signal = AbortSignal.any(ends);
  throwIfAborted(signal);
  const git = simpleGit({
    baseDir: directory,
    trimmed: false,
    timeout: { block: timeoutMs },
    // simple-git drops every variable of git that is not named; these are all ours.
    allowEnvironment: Object.keys(environment),
    abort: signal,
  });
  try {
    return await git.env({ ...environment }).raw([...args]);
  } catch (error) {
    throwIfAborted(signal);
    const stderr = error instanceof Error ? error.message : String(error);
    throw failureOf({ command: args[0] ?? "", stderr, exit: "failed" }, redact);
  }
}
