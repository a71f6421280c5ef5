import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import type { GitLimits } from "./git-limits.ts";

/** Why a path is told of but its file not read. */
export type PathProblem = "invalid-utf8" | "hostile-path" | "path-too-long";

export interface TreePath {
  /** The path itself, or with a problem something that shows it. */
  readonly path: string;
  readonly problem?: PathProblem;
}

/** Reads a path of a tree: bytes that nobody checked. */
export function treePath(bytes: Buffer, { maxPathBytes, maxPathDepth }: GitLimits): TreePath {
  if (bytes.length > maxPathBytes) return { path: shortened(bytes, maxPathBytes), problem: "path-too-long" };
  if (!isUtf8(bytes)) return { path: escaped(bytes), problem: "invalid-utf8" };
  const path = bytes.toString("utf8");
  const names = path.split("/");
  if (path.includes("\0") || names.some(isHostile)) return { path, problem: "hostile-path" };
  if (names.length > maxPathDepth) return { path, problem: "path-too-long" };
  return { path };
}

/** Names that leave the tree, or that file systems take for git's own folder. */
function isHostile(name: string): boolean {
  return name === "" || name === "." || name === ".." || /^(\.git[ .]*|git~1)$/i.test(name);
}

function shortened(bytes: Buffer, length: number): string {
  const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 8);
  return `${escaped(bytes.subarray(0, length))}…${digest}`;
}

/** Bytes that are no UTF-8 as `\xE9`. */
function escaped(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find(
      (size) => at + size <= bytes.length && isUtf8(bytes.subarray(at, at + size)),
    );
    text +=
      length === undefined
        ? `\\x${bytes.toString("hex", at, at + 1).toUpperCase()}`
        : bytes.toString("utf8", at, at + length);
    at += length ?? 1;
  }
  return text;
}
