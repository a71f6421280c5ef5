import { createHash } from "node:crypto";
import { customAlphabet } from "nanoid";

/**
 * Names of the databases we make. Postgres cuts names at 63 bytes without a word, so every part has a fixed
 * bound: prefix 5, owner 12 + 1, slug 24 + 1, hash 24. Identity is in the hash; the slug is for the reader.
 *
 * - `hs_t_…` template database, whole by construction
 * - `hs_b_<owner>_…` being built, restored, stripped or probed: private to a live process
 * - `hs_c_<owner>_…` clone that belongs to a live process
 * - `hs_k_…` clone that is kept until somebody drops it
 */
const lowerCase = "0123456789abcdefghijklmnopqrstuvwxyz";

/** 12 characters of 36: 62 bits, so that two live processes never share an owner id. */
export const newOwnerId: () => string = customAlphabet(lowerCase, 12);
const randomPart = customAlphabet(lowerCase, 10);

/**
 * The name of the one template database of this target and content that `role` has. What is in a database belongs
 * to the role that made it, so another role could clone it and then not read it.
 */
export function templateName(target: string, digest: string, role: string): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([target, digest, role]))
    .digest("hex")
    .slice(0, 24);
  return `hs_t_${slug(target)}_${hash}`;
}

export function scratchName(owner: string, target: string): string {
  return `hs_b_${owner}_${slug(target)}_${randomPart()}`;
}

export function cloneName(owner: string, target: string): string {
  return `hs_c_${owner}_${slug(target)}_${randomPart()}`;
}

export function keptCloneName(target: string): string {
  return `hs_k_${slug(target)}_${randomPart()}`;
}

/** Who owns a database that belongs to a process; `undefined` for every other name. */
export function ownerOf(
  database: string,
): { readonly kind: "scratch" | "clone"; readonly owner: string } | undefined {
  const match = /^hs_([bc])_([0-9a-z]{12})_/.exec(database);
  if (!match) return undefined;
  return { kind: match[1] === "b" ? "scratch" : "clone", owner: match[2] as string };
}

/** Up to 24 characters of `a-z`, `0-9` and `_` that remind of `text`. */
function slug(text: string): string {
  const plain = text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .slice(0, 24)
    .replace(/^_+|_+$/g, "");
  return plain || "target";
}
