import type pg from "pg";
import { MaterializerError } from "./errors.ts";
import type { Mirrors } from "./repositories/mirrors.ts";
import type { DocumentLimits } from "./documents/document-limits.ts";
import type { Projector } from "./projector/projector.ts";

/** What every stage works with; made once by `createMaterializer`. */
export interface Context {
  readonly db: pg.Pool;
  /** Names this process in leases, for people who look at them. */
  readonly worker: string;
  readonly projectors: ReadonlyMap<string, Projector>;
  readonly mirrors: Mirrors;
  readonly documentLimits: DocumentLimits;
  readonly settings: Settings;
}

export interface Settings {
  /** How long a lease lasts without renewal, in milliseconds: a killed worker's branch waits this long. */
  readonly leaseMs: number;
  /** How many versions of a branch are kept. */
  readonly history: number;
  /**
   * How long events are kept that every consumer has read, and the rows of deleted branches, in milliseconds. The last
   * event of a branch, and the last that names a version, stay in any case.
   */
  readonly keepEventsMs: number;
  /** After this many failed or crashed attempts a branch is parked until `redrive` or a new commit. */
  readonly maxAttempts: number;
  /** The longest time a repository goes unobserved, in milliseconds: the promise on staleness without webhooks. */
  readonly pollMaxMs: number;
  /** The shortest time between two polls that nobody asked for, in milliseconds. */
  readonly pollMinMs: number;
}

export const defaultSettings: Settings = {
  leaseMs: 30_000,
  history: 10,
  keepEventsMs: 30 * 86_400_000,
  maxAttempts: 8,
  pollMaxMs: 15 * 60_000,
  pollMinMs: 45_000,
};

/** The projector a repository or a version was registered with, as this process knows it. */
export function projectorNamed(context: Context, name: string): Projector {
  const projector = context.projectors.get(name);
  if (projector === undefined) {
    const known = [...context.projectors.keys()].join(", ") || "none";
    throw new MaterializerError("PROJECTOR_UNKNOWN", `No projector is named ${JSON.stringify(name)} here.`, {
      hint: `Pass it in createMaterializer({ projectors }). Known here: ${known}.`,
    });
  }
  return projector;
}
