import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import type { GitLimits } from "./git-limits.ts";

/** Why a path is told of but its file not read. */
export type PathProblem = "invalid-utf8" | "hostile-path" | "path-too-long";

export interface TreePath {
  /** The path itself, or with a problem what shows it: no other path with this problem is shown alike. */
  readonly path: string;
  readonly problem?: PathProblem;
}

/** Reads a path of a tree: bytes that nobody checked. What shows it has at most 41 bytes more than `maxPathBytes`. */
export function treePath(bytes: Buffer, { maxPathBytes, maxPathDepth }: GitLimits): TreePath {
  if (bytes.length > maxPathBytes) return { path: shortened(bytes, maxPathBytes), problem: "path-too-long" };
  if (!isUtf8(bytes)) return { path: shown(bytes, maxPathBytes), problem: "invalid-utf8" };
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

/** Escapes can be four times as long as what they stand for. */
function shown(bytes: Buffer, length: number): string {
  const text = escaped(bytes);
  return Buffer.byteLength(text) > length ? shortened(bytes, length) : text;
}

/** The beginning and the end, by which globs still find it, of `length` bytes together, and a digest that tells it apart. */
export function shortened(bytes: Buffer, length: number): string {
  const half = Math.floor(length / 2);
  const head = Buffer.from(escaped(bytes.subarray(0, boundary(bytes, half))));
  const tail = Buffer.from(escaped(bytes.subarray(boundary(bytes, bytes.length - half))));
  const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 32);
  const [from, to] = [boundary(head, half), boundary(tail, tail.length - half)];
  return `${head.toString("utf8", 0, from)}…${digest}…${tail.toString("utf8", to)}`;
}

/** The beginning of the UTF-8 character that this place is in. */
function boundary(bytes: Buffer, at: number): number {
  let start = Math.max(at, 0);
  while (start > 0 && start > at - 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start -= 1;
  return start;
}

/** Bytes that are no UTF-8 as `\xE9`, and a backslash beside them as two, so that no other bytes give this text. */
function escaped(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find(
      (size) => at + size <= bytes.length && isUtf8(bytes.subarray(at, at + size)),
    );
    const character = bytes.toString("utf8", at, at + (length ?? 0));
    if (length === undefined) text += `\\x${bytes.toString("hex", at, at + 1).toUpperCase()}`;
    else text += character === "\\" ? "\\\\" : character;
    at += length ?? 1;
  }
  return text;
}
