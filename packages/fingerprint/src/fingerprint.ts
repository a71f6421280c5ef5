import { statSync, type Stats } from "node:fs";
import { bytesOf, type ByteString, systemPath, textOf } from "./byte-string.ts";
import { FingerprintError } from "./errors.ts";
import type { FileToHash } from "./hash-board.ts";
import { defaultConcurrency, hashFiles } from "./hash-files.ts";
import { digestOf, hashText, manifestLine } from "./manifest.ts";
import { readError } from "./read-error.ts";
import { StatCache } from "./stat-cache.ts";
import { Turns } from "./turns.ts";
import { type FoundRoot, type RootInput, walkRoot } from "./walk-root.ts";

export interface FingerprintOptions {
  /** Folders or files by name; the name is the first part of their paths in the manifest. */
  readonly roots: Readonly<Record<string, string | RootInput>>;
  /** Texts that count besides files, by name: a version, a command, the value of a variable. */
  readonly inputs?: Readonly<Record<string, string>> | undefined;
  /**
   * Where hashes are kept so that unchanged files need not be read again; one file for each set of roots. It is
   * made when missing, and ignored when damaged.
   *
   * @default nowhere
   */
  readonly cacheFile?: string | undefined;
  /** Threads that read files, at most. @default the number of processors, up to 8 */
  readonly concurrency?: number | undefined;
  /** An abort closes what is open and leaves the cache as it was. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: FingerprintProgress) => void) | undefined;
}

export interface FingerprintProgress {
  readonly files: number;
  /** Files found; the work is done when `files` reaches it. */
  readonly total: number;
  /** Sizes of the files that were read so far. */
  readonly bytes: number;
}

export interface Fingerprint {
  /** SHA-256 of the manifest, 64 hexadecimal digits. */
  readonly digest: string;
  /** A line for each file and input, in format `hs1`. */
  readonly manifest: string;
  readonly files: number;
  /** Sizes of all files together. */
  readonly bytes: number;
  /** Files that had to be read; the others were known by their metadata. */
  readonly filesRead: number;
}

/**
 * Identifies content: same bytes at the same paths, same digest, on every platform.
 *
 * @throws {FingerprintError} with one of the codes in the README; nothing is ever skipped in silence
 */
export async function fingerprint(options: FingerprintOptions): Promise<Fingerprint> {
  const { roots, inputs = {}, cacheFile, concurrency = defaultConcurrency, signal, onProgress } = options;
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new RangeError(`concurrency is a whole number from 1 up, not ${concurrency}`);
  }
  signal?.throwIfAborted();
  const turns = new Turns(signal);
  const inputGroup = inputLines(inputs);
  const found = await walkRoots(roots, turns);
  if (found.length === 0 && inputGroup.lines === "") {
    throw new FingerprintError("NOTHING_SELECTED", "neither roots nor inputs are given", {
      hint: "name at least one",
    });
  }
  const cache = cacheFile === undefined ? undefined : new StatCache(cacheFile);
  const known = await lookUpFiles(found, cache, turns);
  const report = (read: { files: number; bytes: number }): void => {
    const total = known.hashes.length;
    onProgress?.({ files: total - known.missing.length + read.files, total, bytes: read.bytes });
  };
  const hashed = await hashFiles(known.missing, { concurrency, turns, signal, onProgress: report });
  let bytes = 0;
  hashed.forEach(({ sha256, marks }, index) => {
    const place = known.places[index] as number;
    known.hashes[place] = sha256;
    cache?.store(place, known.missing[index] as FileToHash, { sha256, marks });
    bytes += marks.size;
  });
  report({ files: hashed.length, bytes });
  cache?.save();
  const files = known.hashes.values();
  const groups = found.map((root) => fileLines(root, files));
  const manifest = joinGroups([inputGroup, ...groups]);
  return {
    digest: digestOf(Buffer.from(manifest, "latin1")),
    manifest: textOf(manifest),
    files: known.hashes.length,
    bytes: known.bytes + bytes,
    filesRead: hashed.length,
  };
}

/** Lines whose paths all begin alike, so that they stand together in the manifest. */
interface LineGroup {
  readonly beginning: ByteString;
  readonly lines: ByteString;
}

function joinGroups(groups: readonly LineGroup[]): ByteString {
  return groups
    .toSorted((a, b) => (a.beginning < b.beginning ? -1 : 1))
    .map(({ lines }) => lines)
    .join("");
}

function fileLines({ name, paths }: FoundRoot, hashes: Iterator<string>): LineGroup {
  let lines = "";
  for (const path of paths) lines += manifestLine(name + path, hashes.next().value as string);
  return { beginning: name, lines };
}

async function walkRoots(roots: FingerprintOptions["roots"], turns: Turns): Promise<FoundRoot[]> {
  const found: FoundRoot[] = [];
  for (const [name, given] of Object.entries(roots)) {
    checkRootName(name);
    found.push(await walkRoot(name, typeof given === "string" ? { path: given } : given, turns));
  }
  return found;
}

/** A name is one part of a path, and `@` is kept for inputs that are no files. */
function checkRootName(name: string): void {
  if (name !== "" && name !== "." && name !== ".." && !/^@|[/\\\n\r\0]|\p{Surrogate}/u.test(name)) return;
  throw new FingerprintError("ROOT_INVALID", `${JSON.stringify(name)} cannot be the name of a root`, {
    hint: "use a plain name without slashes that does not start with @",
  });
}

function inputLines(inputs: Readonly<Record<string, string>>): LineGroup {
  const lines = Object.entries(inputs).map(([name, text]) => {
    checkInput(name, text);
    const path = bytesOf(`@input/${name}`);
    return { path, line: manifestLine(path, hashText(text)) };
  });
  const sorted = lines.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { beginning: "@input/", lines: sorted.map(({ line }) => line).join("") };
}

function checkInput(name: string, text: string): void {
  if (name === "" || /\0|\p{Surrogate}/u.test(name)) {
    throw new FingerprintError("INPUT_INVALID", `${JSON.stringify(name)} cannot be the name of an input`, {
      hint: "use a name of at least one letter and without a NUL",
    });
  }
  if (!/\p{Surrogate}/u.test(text)) return;
  // UTF-8 has no lone surrogates: different texts would become the same bytes.
  throw new FingerprintError("INPUT_INVALID", `the text of input ${JSON.stringify(name)} is no Unicode`, {
    hint: "encode what is not text, for example in base64",
  });
}

interface KnownFiles {
  /** Of all files in their order; the hash of a missing one is empty for now. */
  readonly hashes: string[];
  /** Files that have to be read, and their places among all. */
  readonly missing: readonly FileToHash[];
  readonly places: readonly number[];
  /** Sizes of those that need not be read. */
  readonly bytes: number;
}

async function lookUpFiles(
  found: readonly FoundRoot[],
  cache: StatCache | undefined,
  turns: Turns,
): Promise<KnownFiles> {
  const hashes: string[] = [];
  const missing: FileToHash[] = [];
  const places: number[] = [];
  let bytes = 0;
  for (const { absolute: root, eol, paths } of found) {
    for (const path of paths) {
      const file = { absolute: root + path, eol };
      const stats = cache?.isEmpty === false ? statFile(file.absolute) : undefined;
      const sha256 = stats && cache?.lookUp(hashes.length, file, stats);
      if (sha256 !== undefined) bytes += stats?.size ?? 0;
      else {
        missing.push(file);
        places.push(hashes.length);
      }
      hashes.push(sha256 ?? "");
      // Looking at the clock for every file would show in the time that a warm run takes.
      if (hashes.length % 64 === 0 && turns.due) await turns.pause();
    }
  }
  return { hashes, missing, places, bytes };
}

function statFile(path: ByteString): Stats {
  try {
    return statSync(systemPath(path));
  } catch (cause) {
    throw readError(path, cause);
  }
}
