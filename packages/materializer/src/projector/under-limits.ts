import { createHash } from "node:crypto";
import type { DocumentLimits } from "../documents/document-limits.ts";
import type { GitLimits } from "../git/git-limits.ts";
import type { Projector } from "./projector.ts";

export interface Limits {
  readonly documents: DocumentLimits;
  readonly git: GitLimits;
}

/**
 * A projector as it runs under these limits, with an identity of its own: limits decide what a file gives as much as
 * the code does. Under other ones every branch is built again, and nothing that was parsed before is used.
 */
export function underLimits(projector: Projector, { documents, git }: Limits): Projector {
  const { name, revision, policy } = projector;
  const { maxBytes, maxDepth, maxNodes, maxAliases, maxProblems } = documents;
  const { maxFiles, maxFileBytes, maxTotalBytes, maxPathBytes, maxPathDepth } = git;
  const facts = [
    [projector.identity],
    [maxBytes, maxDepth, maxNodes, maxAliases, maxProblems],
    [maxFiles, maxFileBytes, maxTotalBytes, maxPathBytes, maxPathDepth],
  ];
  return {
    name,
    revision,
    policy,
    identity: createHash("sha256").update(JSON.stringify(facts)).digest("hex"),
    select: (path) => projector.select(path),
    parse: (bytes, context) => projector.parse(bytes, context),
    assemble: (unit, files) => projector.assemble(unit, files),
  };
}
