import { setMaxListeners } from "node:events";
import { resolve } from "node:path";
import { aborted, throwIfAborted } from "../git/git-error.ts";
import { openMirror, type Credential, type Mirror, type MirrorOptions } from "../git/mirror.ts";
import { beginUse, listUnused, noteUse, removeUnused } from "../git/mirror-use.ts";
import { mirrorDirectory } from "../git/open-mirror.ts";
import type { Repository } from "./repository.ts";

export interface MirrorSettings extends Omit<MirrorOptions, "url" | "credential" | "scope"> {
  /**
   * The credential of a repository, asked each time its mirror is used; never stored. Its password may be another each
   * time. Another user's is another mirror.
   */
  readonly credential?: (repository: Repository) => Credential | undefined | Promise<Credential | undefined>;
}

/** The mirrors this process has open: one for each (url, user, scope), opened at first use. */
export interface Mirrors extends AsyncDisposable {
  readonly settings: MirrorSettings;
  /** @throws GitError `Refused`, `Aborted`; what `credential` throws */
  of(repository: Repository, signal?: AbortSignal): Promise<Mirror>;
  /**
   * Removes those that no process of this machine has used for a week and no registered repository has: while one is
   * paused nobody uses its mirror, which may be the last to have what it serves. None go while somebody's credential
   * cannot be had, for then nobody knows which is his.
   *
   * @param registered asked only when there is one to remove
   * @returns how many
   */
  removeUnused(registered: () => Promise<readonly Repository[]>, signal?: AbortSignal): Promise<number>;
}

export function openMirrors(settings: MirrorSettings): Mirrors {
  const open = new Map<string, Promise<Mirror>>();
  const { credential, ...options } = settings;
  const root = resolve(settings.root);
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const wantedBy = async (repository: Repository): Promise<MirrorOptions> => {
    const known = await credential?.(repository);
    const { url, scope } = repository;
    return { ...options, url, scope, ...(known && { credential: known }) };
  };
  const opened = async (wanted: MirrorOptions, signal: AbortSignal | undefined): Promise<Mirror> => {
    const { url, scope, credential: by } = wanted;
    const key = JSON.stringify([url, by && [by.username ?? null, scope]]);
    const known = open.get(key);
    const opening = known ?? openMirror(wanted, closing.signal);
    open.set(key, opening);
    // A mirror that could not be opened is tried again by the next caller.
    opening.catch(() => open.delete(key));
    const mirror = await awaitOpening(opening, signal);
    if (known === undefined || (await noteUse(mirror.directory, signal))) return mirror;
    if (open.get(key) === known) open.delete(key);
    await mirror[Symbol.asyncDispose]();
    return await opened(wanted, signal);
  };
  return {
    settings,
    of: async (repository, signal) => {
      const wanted = await wantedBy(repository);
      const mirror = await opened(wanted, signal);
      return wanted.credential === undefined ? mirror : mirror.as(wanted.credential);
    },
    removeUnused: async (registered, signal) => {
      const unused = new Set(await listUnused(root));
      for (const repository of unused.size === 0 ? [] : await registered()) {
        const wanted = await wantedBy(repository).catch(() => undefined);
        if (wanted === undefined) return 0;
        const directory = mirrorDirectory(wanted);
        if (unused.has(directory)) await beginUse(directory, signal);
      }
      return await removeUnused(root, signal);
    },
    [Symbol.asyncDispose]: async () => {
      closing.abort(new Error("The mirrors were disposed of."));
      const mirrors = await Promise.allSettled(open.values());
      open.clear();
      for (const mirror of mirrors)
        if (mirror.status === "fulfilled") await mirror.value[Symbol.asyncDispose]();
    },
  };
}

/** An opening is for all who want the mirror: whoever gives up leaves it to the others. */
async function awaitOpening(opening: Promise<Mirror>, signal: AbortSignal | undefined): Promise<Mirror> {
  throwIfAborted(signal);
  let giveUp = (): void => undefined;
  const givenUp = new Promise<never>((_, reject) => {
    giveUp = () => reject(aborted(signal));
    signal?.addEventListener("abort", giveUp, { once: true });
  });
  return await Promise.race([opening, givenUp]).finally(() => signal?.removeEventListener("abort", giveUp));
}
