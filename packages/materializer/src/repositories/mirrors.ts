import { resolve } from "node:path";
import { openMirror, type Credential, type Mirror, type MirrorOptions } from "../git/mirror.ts";
import { noteUse, removeUnused } from "../git/mirror-use.ts";
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
  of(repository: Repository): Promise<Mirror>;
  /** Removes those that no process of this machine has used for a week. @returns how many */
  removeUnused(signal?: AbortSignal): Promise<number>;
}

export function openMirrors(settings: MirrorSettings): Mirrors {
  const open = new Map<string, Promise<Mirror>>();
  const { credential, ...options } = settings;
  const opened = async (key: string, wanted: MirrorOptions): Promise<Mirror> => {
    const known = open.get(key);
    const opening = known ?? openMirror(wanted);
    open.set(key, opening);
    // A mirror that could not be opened is tried again by the next caller.
    opening.catch(() => open.delete(key));
    const mirror = await opening;
    if (known === undefined || (await noteUse(mirror.directory))) return mirror;
    if (open.get(key) === known) open.delete(key);
    await mirror[Symbol.asyncDispose]();
    return await opened(key, wanted);
  };
  return {
    settings,
    of: async (repository) => {
      const { url, scope } = repository;
      const known = await credential?.(repository);
      const key = JSON.stringify([url, known && [known.username ?? null, scope]]);
      const mirror = await opened(key, { ...options, url, scope, ...(known && { credential: known }) });
      return known === undefined ? mirror : mirror.as(known);
    },
    removeUnused: async (signal) => await removeUnused(resolve(settings.root), signal),
    [Symbol.asyncDispose]: async () => {
      const mirrors = await Promise.allSettled(open.values());
      open.clear();
      for (const mirror of mirrors)
        if (mirror.status === "fulfilled") await mirror.value[Symbol.asyncDispose]();
    },
  };
}
