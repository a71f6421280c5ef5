import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, type Stats, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";

const header = "headstart-stat-cache/1";

/**
 * Milliseconds by which a file has to be older than its reading for its times to prove anything: within the
 * clock's tick a second change leaves no trace (git's "racy" entries). Two seconds is FAT's tick, the longest
 * in use: https://git-scm.com/docs/racy-git
 */
const tickMs = 2_000;

/**
 * Hashes of files by their size, times, inode and device, so that unchanged files need not be read. What is
 * damaged, foreign or too fresh to be trusted is ignored, never used.
 */
export class StatCache {
  readonly #file: string;
  readonly #known: ReadonlyMap<string, string>;
  readonly #seen = new Map<string, { readonly line: string; readonly changedMs: number }>();
  readonly #openedAt = performance.now();
  #changed = false;

  constructor(file: string) {
    this.#file = file;
    this.#known = readEntries(file);
  }

  /** The hash of a file whose metadata are as they were; `undefined` when it has to be read. */
  lookUp(path: string, eol: "lf" | undefined, stats: Stats): string | undefined {
    const key = keyOf(path, eol);
    const known = this.#known.get(key);
    const marks = marksOf(stats);
    if (known === undefined || !known.startsWith(`${marks} `)) return undefined;
    this.#note(key, known, stats);
    return known.slice(marks.length + 1);
  }

  store(path: string, eol: "lf" | undefined, { sha256, stats }: { sha256: string; stats: Stats }): void {
    this.#changed = true;
    this.#note(keyOf(path, eol), `${marksOf(stats)} ${sha256}`, stats);
  }

  /** Writes the entries that this run saw and that may be trusted; a cache that cannot be written is no error. */
  save(): void {
    if (!this.#changed && this.#seen.size === this.#known.size) return;
    const aside = `${this.#file}.${process.pid}-${randomBytes(4).toString("hex")}`;
    try {
      mkdirSync(dirname(this.#file), { recursive: true });
      writeFileSync(aside, "");
      // The file system's own clock, as it stood when the run began: the two clocks need not agree.
      const startedMs = statSync(aside).mtimeMs - (performance.now() - this.#openedAt);
      const lines = [header];
      for (const [key, { line, changedMs }] of this.#seen) {
        if (changedMs < startedMs - tickMs) lines.push(`${line} ${key}`);
      }
      writeFileSync(aside, `${lines.join("\n")}\n${lines.length - 1}\n`);
      renameSync(aside, this.#file);
    } catch {
      rmSync(aside, { force: true });
    }
  }

  #note(key: string, line: string, { mtimeMs, ctimeMs }: Stats): void {
    this.#seen.set(key, { line, changedMs: Math.max(mtimeMs, ctimeMs) });
  }
}

/** One line a file: keys hold no line breaks. */
function keyOf(path: string, eol: "lf" | undefined): string {
  return `${eol ?? "-"} ${path.includes("\n") ? JSON.stringify(path) : path}`;
}

function marksOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}`;
}

/** Hash and marks by key. A file that was cut short does not end with its count and counts as damaged. */
function readEntries(file: string): Map<string, string> {
  const entries = new Map<string, string>();
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return entries;
  }
  const lines = text.split("\n");
  if (lines[0] !== header || lines.at(-1) !== "" || Number(lines.at(-2)) !== lines.length - 3) return entries;
  for (let index = 1; index < lines.length - 2; index++) {
    const line = lines[index] as string;
    // Five marks and the hash, then the key, which may hold spaces itself.
    let end = -1;
    for (let field = 0; field < 6; field++) end = line.indexOf(" ", end + 1);
    if (end === -1 || !isHash(line.slice(end - 64, end))) return new Map();
    entries.set(line.slice(end + 1), line.slice(0, end));
  }
  return entries;
}

function isHash(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
