import { type Stats, statSync } from "node:fs";
import { FingerprintError } from "./errors.ts";
import { hashFiles } from "./hash-files.ts";
import { digestOf, formatManifest, hashText } from "./manifest.ts";
import { StatCache } from "./stat-cache.ts";
import { type FoundFile, type RootInput, unreadable, walkRoot } from "./walk-root.ts";

export interface FingerprintOptions {
  /** Folders or files by name; the name is the first part of their paths in the manifest. */
  readonly roots: Readonly<Record<string, string | RootInput>>;
  /** Texts that count besides files, by name: a version, a command, the value of a variable. */
  readonly inputs?: Readonly<Record<string, string>> | undefined;
  /** Where hashes are kept so that unchanged files need not be read again. @default nowhere */
  readonly cacheFile?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: FingerprintProgress) => void) | undefined;
}

export interface FingerprintProgress {
  readonly files: number;
  /** Files found; the work is done when `files` reaches it. */
  readonly total: number;
}

export interface Fingerprint {
  /** SHA-256 of the manifest, 64 hexadecimal digits. */
  readonly digest: string;
  /** A line for each file and input, in format `hs1`. */
  readonly manifest: string;
  readonly files: number;
  /** Files that had to be read; the others were known by their metadata. */
  readonly filesRead: number;
}

/**
 * Identifies content: same bytes at the same paths, same digest, on every platform.
 *
 * @throws {FingerprintError} with one of the codes in the README; nothing is ever skipped in silence
 */
export async function fingerprint(options: FingerprintOptions): Promise<Fingerprint> {
  const { roots, inputs = {}, cacheFile, signal, onProgress } = options;
  const found: FoundFile[] = [];
  for (const [name, given] of Object.entries(roots)) {
    checkName(name);
    const input = typeof given === "string" ? { path: given } : given;
    for (const file of await walkRoot(name, input, signal)) found.push(file);
  }
  const cache = cacheFile === undefined ? undefined : new StatCache(cacheFile);
  const { unknown, bytes } = await recall(found, cache, signal);
  const known = found.length - unknown.length;
  const hashed = await hashFiles(unknown, {
    bytes,
    signal,
    onHashed: (files) => onProgress?.({ files: known + files, total: found.length }),
  });
  for (const { index, sha256, stats } of hashed) {
    const file = unknown[index] as FoundFile;
    file.sha256 = sha256;
    cache?.store(file.absolute, file.eol, { sha256, stats });
  }
  cache?.save();
  const texts = Object.entries(inputs).map(([name, text]) => ({
    path: `@input/${name}`,
    sha256: hashText(text),
  }));
  const manifest = formatManifest([...texts, ...found]);
  return { digest: digestOf(manifest), manifest, files: found.length, filesRead: unknown.length };
}

/** Files looked at between two turns of the event loop. */
const batch = 2_000;

/** Fills in the hashes that the cache knows; the files that have to be read, and how much that is. */
async function recall(
  files: readonly FoundFile[],
  cache: StatCache | undefined,
  signal: AbortSignal | undefined,
): Promise<{ unknown: FoundFile[]; bytes: number }> {
  const unknown: FoundFile[] = [];
  let bytes = 0;
  for (const [index, file] of files.entries()) {
    if (index % batch === batch - 1) {
      await new Promise(setImmediate);
      signal?.throwIfAborted();
    }
    const stats = statFile(file.absolute);
    const sha256 = cache?.lookUp(file.absolute, file.eol, stats);
    if (sha256 !== undefined) {
      file.sha256 = sha256;
      continue;
    }
    unknown.push(file);
    bytes += stats.size;
  }
  return { unknown, bytes };
}

/** A name is one part of a path, and `@` is kept for inputs that are no files. */
function checkName(name: string): void {
  if (name !== "" && name !== "." && name !== ".." && !/^@|[/\\\n\r\0]/.test(name)) return;
  throw new FingerprintError("ROOT_INVALID", `"${name}" cannot be the name of a root`, {
    hint: "use a plain name without slashes that does not start with @",
  });
}

function statFile(path: string): Stats {
  try {
    return statSync(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}
