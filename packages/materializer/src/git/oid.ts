import { GitError } from "./git-error.ts";

export type ObjectFormat = "sha1" | "sha256";

const pattern = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

export function isOid(text: string): boolean {
  return pattern.test(text);
}

export function formatOf(oid: string): ObjectFormat {
  return oid.length === 64 ? "sha256" : "sha1";
}

/**
 * Nothing but whole object names reaches git: a name would move under the reader, and an option is no object.
 *
 * @throws GitError `Refused`
 */
export function requireOid(text: string): string {
  if (isOid(text)) return text;
  throw new GitError("Refused", `${JSON.stringify(text.slice(0, 80))} is not a whole object name.`, {
    hint: "Give 40 or 64 lower-case hexadecimal digits.",
  });
}
