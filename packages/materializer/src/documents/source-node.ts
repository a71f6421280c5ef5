import type { Json, KeyPath } from "./json.ts";

/** A value of a document and where it is written. Offsets are UTF-16 units from the start of the text. */
export interface SourceNode {
  readonly value: Json;
  readonly offset: number;
  readonly members?: ReadonlyMap<string, SourceMember>;
  readonly items?: readonly SourceNode[];
}

export interface SourceMember {
  readonly keyOffset: number;
  readonly node: SourceNode;
}

/** Where `path` is written, or, where the source lacks it, the key (or item) that should have held it. */
export function offsetOf(root: SourceNode, path: KeyPath): number {
  let node = root;
  let holder = root.offset;
  for (const step of path) {
    const member = node.members?.get(String(step));
    const next = member?.node ?? (typeof step === "number" ? node.items?.[step] : undefined);
    if (next === undefined) {
      return holder;
    }
    node = next;
    holder = member?.keyOffset ?? next.offset;
  }
  return node.offset;
}

/** Where the key that ends `path` is written, or the nearest holder of it. */
export function keyOffsetOf(root: SourceNode, path: KeyPath): number {
  let node: SourceNode | undefined = root;
  for (const step of path.slice(0, -1)) {
    node =
      node?.members?.get(String(step))?.node ?? (typeof step === "number" ? node?.items?.[step] : undefined);
  }
  return node?.members?.get(String(path.at(-1)))?.keyOffset ?? offsetOf(root, path);
}

/** `nodes[3].title`, as a person would point at it. */
export function describePath(path: KeyPath): string {
  if (path.length === 0) {
    return "the document";
  }
  return path
    .map((step, index) => {
      if (typeof step === "number") {
        return `[${step}]`;
      }
      const plain = /^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(step);
      return plain ? `${index === 0 ? "" : "."}${step}` : `[${JSON.stringify(step)}]`;
    })
    .join("");
}
