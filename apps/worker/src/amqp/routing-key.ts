import { createHash } from "node:crypto";
import type { VersionUpdated } from "@headstart/materializer";

/** AMQP 0-9-1 §4.2.5.3: a short string is at most 255 bytes. Sixteen go to the type and two to the dots. */
const REPOSITORY_BYTES = 110;
const BRANCH_BYTES = 127;

/**
 * Three words whatever a branch is called, so that a binding such as `version-updated.handbook.*` fits all branches of
 * a repository and nothing else: `version-updated.<repository>.<branch>`, the branch by its short name.
 */
export function routingKey({ repository, branch }: Pick<VersionUpdated, "repository" | "branch">): string {
  const short = branch.replace(/^refs\/heads\//, "");
  return `version-updated.${word(repository, REPOSITORY_BYTES)}.${word(short, BRANCH_BYTES)}`;
}

/**
 * Letters, digits, hyphens, underscores and slashes as they are, every other byte as `%XX`; what is too long ends in
 * `~` and a digest of the whole. Two names never become one word.
 */
function word(text: string, mostBytes: number): string {
  const encoded = Buffer.from(text)
    .toString("latin1")
    .replace(
      /[^A-Za-z0-9_/-]/g,
      (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
    );
  if (encoded.length <= mostBytes) return encoded;
  const digest = createHash("sha256").update(text).digest("hex").slice(0, 32);
  const kept = encoded.slice(0, mostBytes - digest.length - 1).replace(/%[0-9A-F]?$/, "");
  return `${kept}~${digest}`;
}
