import type pg from "pg";
import type { EventLog } from "../log/event-log.ts";
import type { Projection } from "../projection/define-projection.ts";
import type { PageLimits } from "../run/advance-versions.ts";
import type { BootPolicy } from "./boot-policy.ts";

/** What every part of one bootstrap works with. */
export interface Settings {
  readonly pool: pg.Pool;
  readonly log: EventLog;
  readonly projections: readonly Projection[];
  readonly policy: BootPolicy;
  readonly page: Required<{ [Limit in keyof PageLimits]: number }>;
  /** Connections that load rows side by side. */
  readonly readers: number;
  /** Former versions kept for a rollback. */
  readonly keep: number;
  readonly owner: string;
  readonly leaseMs: number;
}
