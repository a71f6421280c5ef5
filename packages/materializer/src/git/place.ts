import type { GitLimits } from "./git-limits.ts";
import type { Generation } from "./generations.ts";
import { credentialEnvironment, type Credential, type MirrorHome } from "./mirror-home.ts";
import { redactor, type Redact } from "./redact.ts";
import type { RunOptions } from "./run-git.ts";

/** A mirror on this machine, and how git is run for it. */
export interface Place {
  readonly directory: string;
  /** As git gets it. */
  readonly url: string;
  readonly home: MirrorHome;
  /** What the remote is talked to by, as git finds it in its environment. */
  readonly access: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly redact: Redact;
  readonly limits: GitLimits;
  /** Aborted when the mirror is disposed of. */
  readonly closing: AbortSignal;
}

/** The parts of a place that a credential decides. */
export function accessBy(
  home: MirrorHome,
  credential: Credential | undefined,
): Pick<Place, "access" | "redact"> {
  if (credential === undefined) return { access: {}, redact: redactor([]) };
  const { username = "git", password } = credential;
  return {
    access: credentialEnvironment(home, credential),
    redact: redactor([`${username}:${password}`, password]),
  };
}

/** How to run git on a generation, without a network. The repository is always named, never searched for. */
export function locally(place: Place, generation: Generation, signal?: AbortSignal): RunOptions {
  return run(place, { ...place.home.local, GIT_DIR: generation.directory }, signal);
}

/** How to run git against the remote; without a generation it has no repository, and can only ask. */
export function remotely(place: Place, generation: Generation | undefined, signal?: AbortSignal): RunOptions {
  const { home, access } = place;
  return run(place, { ...home.remote, ...access, GIT_DIR: generation?.directory ?? home.empty }, signal);
}

function run(
  { redact, timeoutMs, closing }: Place,
  environment: Record<string, string>,
  signal?: AbortSignal,
): RunOptions {
  return { environment, redact, timeoutMs, signal, closing };
}
