import { createHash } from "node:crypto";
import { bytesOf, type ByteString, decodeText, encodeText, textOf } from "./byte-string.ts";
import { FingerprintError } from "./errors.ts";

/** One line of a manifest. */
export interface ManifestEntry {
  /** `<root>/<path below it>` for a file, `@input/<name>` for an input that is no file. */
  readonly path: string;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/** A manifest as text, or as the bytes of a file that holds one. */
export type ManifestSource = string | Uint8Array;

/**
 * The line of a file as GNU `sha256sum` prints it: where the path needs escapes, the line starts with a
 * backslash. Path and line are byte strings.
 */
export function manifestLine(path: ByteString, sha256: string): ByteString {
  if (!/[\\\n\r]/.test(path)) return `${sha256}  ${path}\n`;
  const escaped = path.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return `\\${sha256}  ${escaped}\n`;
}

/** SHA-256 of a manifest: the fingerprint. */
export function digestOf(manifest: ManifestSource): string {
  return createHash("sha256").update(manifestBytes(manifest)).digest("hex");
}

/**
 * The bytes of a manifest, to be written to a file: what `sha256sum` would have printed. They are UTF-8 but for
 * names on disk that are not; those stand in the text form with a lone surrogate (U+DC80 to U+DCFF) a byte.
 */
export function manifestBytes(manifest: ManifestSource): Uint8Array {
  return typeof manifest === "string" ? encodeText(manifest) : manifest;
}

/** SHA-256 of a text that is an input of its own, such as a version or a command. */
export function hashText(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

/**
 * Reads a manifest, which may come from a file that anybody could edit. What is accepted is exactly what
 * `fingerprint` writes.
 *
 * @throws {FingerprintError} `MANIFEST_INVALID` with the number of the line
 */
export function parseManifest(manifest: ManifestSource): ManifestEntry[] {
  const text = typeof manifest === "string" ? manifest : decodeText(Buffer.from(manifest));
  if (text === "") return [];
  const lines = text.split("\n");
  if (lines.pop() !== "") throw invalidLine(lines.length + 1, "the last line has no end");
  let before: ByteString = "";
  return lines.map((line, index) => {
    const entry = parseLine(line, index + 1);
    const path = bytesOf(entry.path);
    if (path === before) throw invalidLine(index + 1, `${JSON.stringify(entry.path)} stands there twice`);
    if (path < before) {
      throw invalidLine(index + 1, `${JSON.stringify(entry.path)} is not in the order of the paths' bytes`);
    }
    before = path;
    return entry;
  });
}

function parseLine(line: string, number: number): ManifestEntry {
  const match = /^(\\?)([0-9a-f]{64}) {2}(.+)$/s.exec(line);
  if (!match) throw invalidLine(number, "expected a SHA-256, two spaces and a path");
  const [, escaped, sha256 = "", written = ""] = match;
  const path = escaped ? unescapePath(written) : written;
  const bytes = bytesOf(path);
  if (textOf(bytes) !== path || textOf(manifestLine(bytes, sha256)) !== `${line}\n`) {
    throw invalidLine(number, `the path ${JSON.stringify(written)} is not written as sha256sum writes it`);
  }
  const parts = path.split("/");
  const isInput = path.startsWith("@input/") && path !== "@input/";
  if (path.includes("\0") || (!isInput && parts.some((part) => ["", ".", ".."].includes(part)))) {
    throw invalidLine(number, `${JSON.stringify(path)} cannot be the path of a file`);
  }
  return { path, sha256 };
}

function invalidLine(line: number, what: string): FingerprintError {
  return new FingerprintError("MANIFEST_INVALID", `line ${line} of the manifest: ${what}`, {
    hint: "make the manifest anew; a merge by hand may have damaged it",
  });
}

function unescapePath(text: string): string {
  return text.replace(/\\([\\nr])/g, (_, letter: string) => ({ "\\": "\\", n: "\n", r: "\r" })[letter] ?? "");
}
