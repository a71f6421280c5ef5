import { ProjectionError, type ProjectionErrorCode } from "../errors.ts";
import type { ReadCount } from "../log/event-log.ts";
import { restamp } from "../log/restamp.ts";
import type { Projection } from "../projection/define-projection.ts";
import { projectorIdentity } from "../projection/projector-identity.ts";
import { rebuildProjection } from "../rebuild/rebuild-projection.ts";
import { refusalHint, type Remedy } from "./boot-policy.ts";
import type { BootProgress } from "./boot-report.ts";
import type { Classification, ProjectionState } from "./classify.ts";
import type { Settings } from "./settings.ts";

export interface RepairOptions {
  readonly remedy: Remedy;
  readonly count: ReadCount;
  readonly signal: AbortSignal;
  readonly onProgress: ((progress: BootProgress) => void) | undefined;
}

const refusalCodes: Partial<Record<ProjectionState, ProjectionErrorCode>> = {
  "foreign-cluster": "FOREIGN_CLUSTER",
  "cut-off": "POSITION_MISSED",
};

/**
 * Does what the policy says about a state that no model can be loaded from.
 *
 * @throws {ProjectionError} `PROJECTION_REFUSED`, `FOREIGN_CLUSTER`, `POSITION_MISSED`, and what a rebuild throws
 */
export async function repair(
  projection: Projection,
  { state, reason, version }: Classification,
  settings: Settings,
  { remedy, count, signal, onProgress }: RepairOptions,
): Promise<void> {
  const { pool, name } = { pool: settings.pool, name: projection.name };
  if (remedy === "use") return;
  if (remedy === "refuse") {
    throw new ProjectionError(refusalCodes[state] ?? "PROJECTION_REFUSED", `${name} is ${state}: ${reason}`, {
      hint: refusalHint(state, name),
    });
  }
  if (remedy === "restamp") {
    await restamp(pool, reason);
    return;
  }
  if (remedy === "rebuild") {
    const { log, owner, leaseMs, keep, page } = settings;
    const rebuilt = await rebuildProjection(projection, {
      pool,
      log,
      owner,
      leaseMs,
      keep,
      page,
      activate: true,
      reason: `${state}: ${reason}`,
      orActive: { otherThan: state === "torn" || state === "ahead-of-log" ? version?.id : undefined },
      previous: state === "torn" || state === "ahead-of-log" ? "abandoned" : "retired",
      signal,
      onProgress: ({ events }) => onProgress?.({ phase: "repair", projection: name, done: events }),
    });
    count.rows += rebuilt.read.rows;
    count.bytes += rebuilt.read.bytes;
    count.pages += rebuilt.read.pages;
    return;
  }
  if (version === undefined || version.log !== settings.log.name || version.mode !== projection.mode) {
    throw new ProjectionError(
      "PROJECTION_REFUSED",
      `there are no rows of ${name} that could be accepted: ${reason}`,
      {
        hint: refusalHint("absent", name),
      },
    );
  }
  await pool.query(
    `insert into headstart_projections.acceptance (version_id, identity, reason) values ($1, $2, $3)
     on conflict do nothing`,
    [version.id, await projectorIdentity(projection), remedy.accept],
  );
}
