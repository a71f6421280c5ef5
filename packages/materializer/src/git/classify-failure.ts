import { GitError, type GitFailureKind } from "./git-error.ts";
import type { Redact } from "./redact.ts";

/** How git says it, in the language `C`. The first that matches counts, so the order is part of the meaning. */
const phrases: readonly (readonly [GitFailureKind, RegExp])[] = [
  ["TooLarge", /attempting to allocate \d+ over limit/i],
  ["RateLimited", /returned error: 429/i],
  [
    "AuthFailed",
    /returned error: (401|403|404|410)\b|authentication failed|could not read (username|password)/i,
  ],
  [
    "AuthFailed",
    /permission denied|host key verification failed|access denied|^fatal: repository .* not found/im,
  ],
  ["AuthFailed", /does not appear to be a git repository|repository not found/i],
  ["Refused", /transport .* not allowed|unable to update url base from redirection|returned error: 3\d\d/i],
  ["Refused", /fsck error|protocol .* is not supported|dubious ownership|strange hostname blocked/i],
  ["Transient", /early eof|hung up unexpectedly|unexpected disconnect|rpc failed|could not resolve host/i],
  ["Transient", /no space left|cannot allocate memory|out of memory|too many open files/i],
  [
    "RefMissing",
    /couldn't find remote ref|not our ref|unadvertised object|not a valid object name|not a tree object/i,
  ],
  [
    "RefMissing",
    /unknown revision|bad revision|bad object|invalid symmetric difference|not a valid commit name|^fatal: could not get object info/im,
  ],
  [
    "Corrupt",
    /mismatched algorithms|is corrupt|corrupt loose object|unable to read tree|could not read [0-9a-f]{40}/i,
  ],
  [
    "Corrupt",
    /inflate: |not a git repository|is empty$|unable to (read|unpack|parse)|bad pack|packfile .* (cannot|does not)|file format/im,
  ],
  [
    "Corrupt",
    /missing (blob|tree|commit|object)|did not send all necessary objects|unable to create .*\.lock/i,
  ],
];

const tooMuch = /rate limit|too many requests/i;

/** What one run of git left behind. */
export interface FailedRun {
  readonly command: string;
  readonly stderr: string;
  readonly exit: string;
  readonly retryAfter?: string | undefined;
}

/** The typed error of a run of git that failed. What git says that nobody knows is worth another try. */
export function failureOf({ command, stderr, exit, retryAfter }: FailedRun, redact: Redact): GitError {
  // What the other side says about itself is no verdict on our mirror; that we ask too much is for it to say.
  const own = stderr.replace(/^remote: .*$/gm, "");
  const known = phrases.find(([, phrase]) => phrase.test(own))?.[0] ?? "Transient";
  const kind = known === "Transient" && tooMuch.test(stderr) ? "RateLimited" : known;
  const said = redact(stderr);
  return new GitError(kind, `git ${command} failed: ${said === "" ? exit : said}`, {
    retryAt: retryTime(retryAfter),
  });
}

/** Reads `Retry-After`: seconds or a date. Undefined when it is absent or nonsense; at most a day ahead. */
export function retryTime(header: string | undefined, now: Date = new Date()): Date | undefined {
  if (header === undefined) return undefined;
  const time = /^\d+$/.test(header) ? now.getTime() + Number(header) * 1000 : Date.parse(header);
  if (Number.isNaN(time) || time < now.getTime()) return undefined;
  return new Date(Math.min(time, now.getTime() + 86_400_000));
}
