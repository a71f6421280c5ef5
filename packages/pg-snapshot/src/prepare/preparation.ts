import type { PgSnapshotErrorCode } from "../errors.ts";
import type { Owner } from "../owner.ts";
import type { OnProgress } from "../progress.ts";
import type { ConnectionSettings } from "../server/connection-settings.ts";
import type { ToolSettings } from "../tools/find-tool.ts";
import type { Stopwatch } from "./stopwatch.ts";
import type { Identity, Target } from "./target.ts";

/** The three tiers, from cheapest to dearest. */
export type Tier = "template" | "snapshot" | "build";

/** What a tier had to say when it was asked. */
export interface TierStep {
  readonly tier: Tier;
  readonly outcome: "served" | "missed" | "skipped" | "failed";
  /** Why, in words for the person who waits. */
  readonly reason: string;
  /** The error's stable code, where an error was the reason. */
  readonly code?: PgSnapshotErrorCode | undefined;
  /** What to do about it, where the error said so. */
  readonly hint?: string | undefined;
}

export interface PrepareOptions {
  /** URL or settings of the server. @default the `PG*` variables */
  readonly server?: string | ConnectionSettings | undefined;
  /**
   * Serves from this tier and no other: `template` never works, `snapshot` restores even if the template
   * exists, `build` always builds. @default the cheapest tier that can serve
   */
  readonly from?: Tier | undefined;
  /**
   * When the writable stores get a snapshot: `after-build` when the build ran, `always` also when a cheaper
   * tier served and a store has none. @default "after-build"
   */
  readonly save?: "never" | "after-build" | "always" | undefined;
  readonly tools?: ToolSettings | undefined;
  /** Milliseconds for everything, waiting for others included. @default 3600000, an hour */
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** Everything one run of `prepare` works with. */
export interface Preparation {
  readonly target: Target;
  readonly options: PrepareOptions;
  readonly identity: Identity;
  readonly owner: Owner;
  readonly templateName: string;
  /** Aborts for the caller, the deadline, or the loss of the server. */
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  readonly stopwatch: Stopwatch;
  /** What the tiers asked so far had to say. */
  readonly steps: TierStep[];
}
