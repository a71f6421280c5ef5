import { withDefaults } from "../options/with-defaults.ts";

/** How much of a repository is looked at. What is beyond is reported, never read. */
export interface GitLimits {
  /** Files of one tree. @default 200_000 */
  readonly maxFiles: number;
  /** Bytes of one file that is read. @default 10 MiB */
  readonly maxFileBytes: number;
  /** Bytes of all files that one `readBlobs` reads. @default 1 GiB */
  readonly maxTotalBytes: number;
  /** At most the default, since a path is part of an index's key. @default 1_600 */
  readonly maxPathBytes: number;
  /** Folders and file of one path. @default 128 */
  readonly maxPathDepth: number;
  /** Branches of one repository. @default 50_000 */
  readonly maxRefs: number;
  /** Bytes, as they are transferred, of one fetch; the first one brings the whole history. @default 16 GiB */
  readonly maxFetchBytes: number;
  /** Bytes of memory that git may take for one object while it fetches: a few kilobytes can unpack to any size. @default 1 GiB */
  readonly maxObjectMemory: number;
}

export const defaultLimits: GitLimits = {
  maxFiles: 200_000,
  maxFileBytes: 10 * 2 ** 20,
  maxTotalBytes: 2 ** 30,
  maxPathBytes: 1_600,
  maxPathDepth: 128,
  maxRefs: 50_000,
  maxFetchBytes: 16 * 2 ** 30,
  maxObjectMemory: 2 ** 30,
};

export function resolveLimits(given?: Partial<GitLimits>): GitLimits {
  const limits = withDefaults(defaultLimits, given);
  return { ...limits, maxPathBytes: Math.min(limits.maxPathBytes, defaultLimits.maxPathBytes) };
}
