import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { GitError } from "./git-error.ts";

/** Milliseconds between two looks at what has come in. */
const lookMs = 500;

export interface FetchBound {
  /** The repository that is fetched into. */
  readonly directory: string;
  readonly maxBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a fetch, and gives it up once what comes in is larger than allowed: git itself takes whatever a server sends,
 * until the disk is full. It is looked at now and then, so a little more than that may have come.
 *
 * @throws GitError `TooLarge`, and what `fetch` throws
 */
export async function boundFetch<T>(
  bound: FetchBound,
  fetch: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { directory, maxBytes, signal } = bound;
  const packs = join(directory, "objects", "pack");
  // What a killed git left here before is no part of this fetch.
  const before = new Set(await readdir(packs).catch(() => []));
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  let excess: GitError | undefined;
  const look = async (): Promise<void> => {
    if ((await sizeOf(packs, await incoming(packs, before))) <= maxBytes) return;
    excess = new GitError("TooLarge", `The remote sent more than ${maxBytes} bytes in one fetch.`, {
      hint: "If the repository is that large, raise `limits.maxFetchBytes`.",
    });
    controller.abort(excess);
  };
  const timer = setInterval(() => void look(), lookMs);
  try {
    return await fetch(controller.signal);
  } catch (error) {
    throw excess ?? error;
  } finally {
    clearInterval(timer);
    signal?.removeEventListener("abort", abort);
    // Git is gone, and does not clear up when it is made to go: else every attempt would take its size on the disk.
    for (const name of await incoming(packs, before)) await rm(join(packs, name), { force: true });
  }
}

/** Files that git is writing what it receives to. */
async function incoming(packs: string, before: ReadonlySet<string>): Promise<string[]> {
  const names = await readdir(packs).catch(() => []);
  return names.filter((name) => name.startsWith("tmp_") && !before.has(name));
}

async function sizeOf(packs: string, names: readonly string[]): Promise<number> {
  const sizes = await Promise.all(
    names.map(async (name) => (await stat(join(packs, name)).catch(() => undefined))?.size),
  );
  return sizes.reduce<number>((sum, size = 0) => sum + size, 0);
}
