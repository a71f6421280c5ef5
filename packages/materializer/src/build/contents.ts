import type { ContentIssue, Projector } from "../projector/projector.ts";
import type { UnitCounts } from "./build-units.ts";

/** The segments of a version that is written, and what they cost. */
export interface Contents {
  readonly base: string;
  readonly delta: string | null;
  /** The version whose rows were shared or copied; when it is forgotten before they are published, some may be lacking. */
  readonly from?: string | undefined;
  /** Files of the whole tree, selected or not: what the limit on files counts. */
  readonly treeFiles: number;
  /** Selected paths that changed since the branch's version before, where that is what the build compared with. */
  readonly changedPaths?: readonly string[] | undefined;
  readonly blobsParsed: number;
  readonly blobsReused: number;
  readonly unitsAssembled: number;
}

/** The content breaks the projector's strict policy; nothing is published. */
export interface Invalid {
  readonly kind: "invalid";
  readonly issues: readonly ContentIssue[];
}

/** Undefined when the policy lets the units be published. */
export function invalid(projector: Projector, { errors, issues }: UnitCounts): Invalid | undefined {
  return projector.policy === "strict" && errors > 0 ? { kind: "invalid", issues } : undefined;
}

export function costs({
  blobsParsed,
  blobsReused,
  unitsAssembled,
}: UnitCounts): Omit<Contents, "base" | "delta" | "treeFiles"> {
  return { blobsParsed, blobsReused, unitsAssembled };
}
