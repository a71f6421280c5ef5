/** The stages that {@link prepare} and its parts pass through, in the words a progress line prints. */
export type Phase =
  | "fingerprint"
  | "wait"
  | "sweep"
  | "check"
  | "restore"
  | "build"
  | "analyze"
  | "seal"
  | "clone"
  | "strip"
  | "dump"
  | "compare"
  | "start";

export interface Progress {
  readonly phase: Phase;
  /** What is going on just now, for example the table being loaded or who holds the lock. */
  readonly detail?: string | undefined;
  /** Units finished so far; together with `total` it is a fraction. */
  readonly done?: number | undefined;
  readonly total?: number | undefined;
  readonly unit?: "bytes" | "tables" | "items" | undefined;
}

export type OnProgress = (progress: Progress) => void;
