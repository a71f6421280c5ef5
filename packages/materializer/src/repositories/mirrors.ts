import { openMirror, type Credential, type Mirror, type MirrorOptions } from "../git/mirror.ts";
import type { Repository } from "./repository.ts";

export interface MirrorSettings extends Omit<MirrorOptions, "url" | "credential"> {
  /** The credential of a repository, asked each time its mirror is opened; never stored. */
  readonly credential?: (repository: Repository) => Credential | undefined | Promise<Credential | undefined>;
}

/** The mirrors this process has open: one for each (url, credential), opened at first use. */
export interface Mirrors extends AsyncDisposable {
  readonly settings: MirrorSettings;
  of(repository: Repository): Promise<Mirror>;
}

export function openMirrors(settings: MirrorSettings): Mirrors {
  const open = new Map<string, Promise<Mirror>>();
  const { credential, ...options } = settings;
  return {
    settings,
    of: async (repository) => {
      const known = await credential?.(repository);
      const key = JSON.stringify([repository.url, known ?? null]);
      const mirror =
        open.get(key) ?? openMirror({ ...options, url: repository.url, ...(known && { credential: known }) });
      open.set(key, mirror);
      // A mirror that could not be opened is tried again by the next caller.
      mirror.catch(() => open.delete(key));
      return await mirror;
    },
    [Symbol.asyncDispose]: async () => {
      const mirrors = await Promise.allSettled(open.values());
      open.clear();
      for (const mirror of mirrors)
        if (mirror.status === "fulfilled") await mirror.value[Symbol.asyncDispose]();
    },
  };
}
