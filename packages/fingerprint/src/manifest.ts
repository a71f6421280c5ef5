import { createHash } from "node:crypto";
import { FingerprintError } from "./errors.ts";

/** One line of a manifest. */
export interface ManifestEntry {
  /** `<root>/<path below it>` for a file, `@input/<name>` for an input that is no file. */
  readonly path: string;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/**
 * The manifest in format `hs1`: a line `<sha256>  <path>` for each entry, sorted by the bytes of the path. It
 * is what `sha256sum` prints, so coreutils alone can check it.
 */
export function formatManifest(entries: readonly ManifestEntry[]): string {
  return sortByBytes(entries).map(formatLine).join("");
}

/** SHA-256 of a manifest: the fingerprint. */
export function digestOf(manifest: string): string {
  return createHash("sha256").update(manifest, "utf8").digest("hex");
}

/** SHA-256 of a text that is an input of its own, such as a version or a command. */
export function hashText(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

/**
 * Reads a manifest, which may come from a file that anybody could edit.
 *
 * @throws {FingerprintError} `MANIFEST_INVALID` with the number of the line
 */
export function parseManifest(manifest: string): ManifestEntry[] {
  if (manifest === "") return [];
  if (!manifest.endsWith("\n")) throw invalidLine(manifest.split("\n").length, "the last line has no end");
  const seen = new Set<string>();
  return manifest
    .slice(0, -1)
    .split("\n")
    .map((line, index) => {
      const match = /^(\\?)([0-9a-f]{64}) {2}(.+)$/s.exec(line);
      if (!match) throw invalidLine(index + 1, "expected a SHA-256, two spaces and a path");
      const [, escaped, sha256 = "", text = ""] = match;
      const path = escaped ? unescapePath(text) : text;
      if (seen.has(path)) throw invalidLine(index + 1, `"${path}" stands there twice`);
      seen.add(path);
      return { path, sha256 };
    });
}

function invalidLine(line: number, what: string): FingerprintError {
  return new FingerprintError("MANIFEST_INVALID", `line ${line} of the manifest: ${what}`, {
    hint: "make the manifest anew; a merge by hand may have damaged it",
  });
}

/** As GNU `sha256sum` does: a line whose path needs escapes starts with a backslash. */
function formatLine({ path, sha256 }: ManifestEntry): string {
  if (!/[\\\n\r]/.test(path)) return `${sha256}  ${path}\n`;
  const escaped = path.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return `\\${sha256}  ${escaped}\n`;
}

function unescapePath(text: string): string {
  return text.replace(/\\([\\nr])/g, (_, letter: string) => ({ "\\": "\\", n: "\n", r: "\r" })[letter] ?? "");
}

/**
 * JavaScript compares UTF-16 units. They stand in the order of UTF-8 bytes except around surrogates, which is
 * where bytes have to be compared.
 */
function sortByBytes(entries: readonly ManifestEntry[]): ManifestEntry[] {
  const surrogates = entries.some(({ path }) => /[\ud800-\udfff]/.test(path));
  if (!surrogates) return [...entries].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return [...entries].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}
