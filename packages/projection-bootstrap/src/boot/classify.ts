import type { Horizon } from "../log/event-log.ts";
import { comparePositions, formatPosition, laterPosition, type Position } from "../position.ts";
import type { Version } from "../store/version.ts";
import { versionFor } from "../store/version.ts";

/** What a boot can find of a projection. */
export type ProjectionState =
  | "absent"
  | "building"
  | "ready"
  | "behind"
  | "ahead-of-log"
  | "cut-off"
  | "torn"
  | "stale-code"
  | "poisoned"
  | "rolled-back"
  | "foreign-cluster";

export interface Classification {
  readonly projection: string;
  readonly state: ProjectionState;
  /** In words, for people. */
  readonly reason: string;
  /** The version that the state is about, if there is one. */
  readonly version: Version | undefined;
}

export interface Facts {
  readonly projection: string;
  readonly mode: "async" | "inline";
  readonly identity: string;
  readonly log: string;
  /** Of every projection, newest first. */
  readonly versions: readonly Version[];
  readonly horizon: Horizon;
  /** Ids of versions whose table is there and was not emptied. */
  readonly whole: ReadonlySet<string>;
  /** Ids of versions with events that are set aside. */
  readonly parked: ReadonlySet<string>;
  /** Ids of versions whose next events are gone. */
  readonly cut: ReadonlySet<string>;
}

/** Names a projection's state. Pure: everything it goes by was read in one snapshot. */
export function classify(facts: Facts): Classification {
  const { projection, horizon } = facts;
  const version = versionFor(facts.versions, facts);
  const say = (state: ProjectionState, reason: string): Classification => ({
    projection,
    state,
    reason,
    version,
  });
  if (horizon.foreign !== undefined) return say("foreign-cluster", horizon.foreign);
  if (version === undefined) return withoutVersion(facts);
  const { checkpoint, fault } = version;
  if (version.status === "building" || (version.status === "built" && version.mode === "inline")) {
    const by = version.leaseOwner === undefined ? "nobody builds it now" : `${version.leaseOwner} builds it`;
    return say("building", `version ${version.id} is built up to ${formatPosition(checkpoint)}; ${by}`);
  }
  if (version.status === "rolled-back") return say("rolled-back", `version ${version.id} was rolled back`);
  if (!facts.whole.has(version.id)) {
    return say("torn", `the rows of version ${version.id} are missing, though its checkpoint is there`);
  }
  if (version.mode === "async" && comparePositions(checkpoint, horizon.head) > 0) {
    const end = formatPosition(horizon.head);
    return say(
      "ahead-of-log",
      `version ${version.id} holds ${formatPosition(checkpoint)}, and the log ends at ${end}`,
    );
  }
  if (facts.cut.has(version.id)) {
    return say(
      "cut-off",
      `events after ${formatPosition(checkpoint)} are gone, and version ${version.id} lacks them`,
    );
  }
  if (fault !== undefined) return say("poisoned", fault.message);
  if (facts.parked.has(version.id))
    return say("poisoned", `version ${version.id} has events that are set aside`);
  if (version.mode === "async" && comparePositions(checkpoint, horizon.fence) < 0) {
    return say("behind", `version ${version.id} stands at ${formatPosition(checkpoint)}`);
  }
  return say("ready", `version ${version.id} stands at ${formatPosition(checkpoint)}`);
}

function withoutVersion({ projection, mode, log, identity, versions }: Facts): Classification {
  const others = versions.filter(
    (version) => version.projection === projection && version.status !== "abandoned",
  );
  const say = (state: ProjectionState, reason: string, version?: Version): Classification => ({
    projection,
    state,
    reason,
    version,
  });
  const made = others.find(({ status }) => status === "active") ?? others[0];
  if (made === undefined) return say("absent", "it was never built");
  if (made.log !== log) return say("stale-code", `version ${made.id} was made from log ${made.log}`, made);
  if (made.mode !== mode) return say("stale-code", `version ${made.id} was kept ${made.mode}`, made);
  const old = `${made.identity.slice(0, 12)}, and it is ${identity.slice(0, 12)} now`;
  return say("stale-code", `version ${made.id} was made by projector ${old}`, made);
}

/**
 * The position that a boot brings everything to. A checkpoint was a fence when it was written, and a fence never
 * goes back; it helps where the log could not tell the present one in time.
 */
export function bootFence(horizon: Horizon, versions: readonly Version[]): Position {
  return versions
    .filter(({ mode }) => mode === "async")
    .map(({ checkpoint }) => checkpoint)
    .filter((checkpoint) => comparePositions(checkpoint, horizon.head) <= 0)
    .reduce(laterPosition, horizon.fence);
}
