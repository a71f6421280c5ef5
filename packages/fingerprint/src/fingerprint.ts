import { type Stats, statSync } from "node:fs";
import { FingerprintError } from "./errors.ts";
import { hashFile } from "./hash-file.ts";
import { digestOf, formatManifest, hashText, type ManifestEntry } from "./manifest.ts";
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

/** Milliseconds of hashing between two turns of the event loop. */
const sliceMs = 20;

/**
 * Identifies content: same bytes at the same paths, same digest, on every platform.
 *
 * @throws {FingerprintError} with one of the codes in the README; nothing is ever skipped in silence
 */
export async function fingerprint(options: FingerprintOptions): Promise<Fingerprint> {
  const { roots, inputs = {}, cacheFile, signal, onProgress } = options;
  const found: { file: FoundFile; eol: "lf" | undefined }[] = [];
  for (const [name, given] of Object.entries(roots)) {
    checkName(name);
    const input = typeof given === "string" ? { path: given } : given;
    for (const file of await walkRoot(name, input, signal)) found.push({ file, eol: input.eol });
  }
  const cache = cacheFile === undefined ? undefined : new StatCache(cacheFile);
  const entries: ManifestEntry[] = Object.entries(inputs).map(([name, text]) => ({
    path: `@input/${name}`,
    sha256: hashText(text),
  }));
  let filesRead = 0;
  let sliceEnd = performance.now() + sliceMs;
  for (const [index, { file, eol }] of found.entries()) {
    const known = cache?.lookUp(file.absolute, eol, statFile(file.absolute));
    if (known === undefined) {
      const hashed = hashFile(file.absolute, eol);
      cache?.store(file.absolute, eol, hashed);
      filesRead += 1;
      entries.push({ path: file.path, sha256: hashed.sha256 });
    } else {
      entries.push({ path: file.path, sha256: known });
    }
    if (performance.now() < sliceEnd) continue;
    onProgress?.({ files: index + 1, total: found.length });
    await new Promise(setImmediate);
    signal?.throwIfAborted();
    sliceEnd = performance.now() + sliceMs;
  }
  onProgress?.({ files: found.length, total: found.length });
  cache?.save();
  const manifest = formatManifest(entries);
  return { digest: digestOf(manifest), manifest, files: found.length, filesRead };
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
