import { bytesOf, textOf } from "../src/byte-string.ts";
import { hashText, manifestLine } from "../src/manifest.ts";

/** The manifest of files by path and content. */
export function writeManifest(files: Readonly<Record<string, string>>): string {
  const lines = Object.entries(files).map(([path, text]) => [bytesOf(path), hashText(text)] as const);
  const sorted = lines.sort(([a], [b]) => (a < b ? -1 : 1));
  return textOf(sorted.map(([path, sha256]) => manifestLine(path, sha256)).join(""));
}
