import type { ReadCount } from "../log/event-log.ts";
import type { ProjectionState } from "./classify.ts";

/** How one projection came into the model, and why that way. */
export interface ProjectionReport {
  readonly name: string;
  /** What was found first, before anything was done about it. */
  readonly found: ProjectionState;
  /** What was found, in words. */
  readonly reason: string;
  /** `snapshot`: rows alone; `tail`: rows and later events; `rebuilt`: rows that this boot made; `missing`: not in the model. */
  readonly mode: "snapshot" | "tail" | "rebuilt" | "missing";
  readonly versionId: string | undefined;
  /** Up to where the stored rows go. */
  readonly checkpoint: string | undefined;
  readonly rows: number;
  /** Of the stored rows' JSON text. */
  readonly bytes: number;
  /** Later events that meant something to it. */
  readonly applied: number;
  /** Keys whose stored rows could not be read and were folded again from the log. */
  readonly refolded: readonly string[];
  /** Keys with events that could not be applied: their rows are older than the model's position. */
  readonly parked: readonly string[];
}

/** Why a model is less than was asked for. */
export interface Degraded {
  readonly projection: string;
  /** `behind`: it is in the model, at an earlier position; otherwise it is not in the model. */
  readonly cause: "budget-bytes" | "budget-ms" | "behind" | "poisoned";
  readonly reason: string;
}

export interface BootReport {
  /** `era:xid:number`: every projection of the model holds all events up to here. */
  readonly position: string;
  /** The last event that was visible. */
  readonly head: string;
  readonly projections: readonly ProjectionReport[];
  /** Event rows that came through the reading port, by purpose. The tail is the cost of a boot without replay. */
  readonly reads: { readonly tail: ReadCount; readonly refold: ReadCount; readonly rebuild: ReadCount };
  /** Milliseconds of each phase. */
  readonly phases: Readonly<Record<BootPhase, number>>;
  /** Milliseconds that the boot's snapshot was open, which vacuum had to wait for. */
  readonly snapshotMs: number;
  /** Empty when the model is all that was asked for. */
  readonly degraded: readonly Degraded[];
}

export type BootPhase = "prepare" | "classify" | "repair" | "load" | "refold" | "tail" | "check";

export interface BootProgress {
  readonly phase: BootPhase;
  /** Done so far: rows while loading, events otherwise. */
  readonly done: number;
  readonly projection?: string | undefined;
  /** Bytes of JSON text so far. */
  readonly bytes?: number | undefined;
}

export function emptyCount(): ReadCount {
  return { rows: 0, bytes: 0, pages: 0 };
}
