import { simpleGit } from "simple-git";
import { failureOf } from "./classify-failure.ts";
import { aborted } from "./git-error.ts";
import type { RunOptions } from "./run-git.ts";

/**
 * Runs git on what is here, for an answer in a few lines of text. Not for the network, and not where bytes matter:
 * that is `streamGit`.
 *
 * @throws GitError
 */
export async function localGit(
  args: readonly string[],
  options: RunOptions & { directory: string },
): Promise<string> {
  const { directory, environment, redact, timeoutMs, signal } = options;
  const git = simpleGit({
    baseDir: directory,
    trimmed: false,
    timeout: { block: timeoutMs },
    // simple-git drops every variable of git that is not named; these are all ours.
    allowEnvironment: Object.keys(environment),
    ...(signal && { abort: signal }),
  });
  try {
    return await git.env({ ...environment }).raw([...args]);
  } catch (error) {
    if (signal?.aborted) throw aborted(signal);
    const stderr = error instanceof Error ? error.message : String(error);
    throw failureOf({ command: args[0] ?? "", stderr, exit: "failed" }, redact);
  }
}
