import type pg from "pg";
import type { EventLog, Horizon } from "../log/event-log.ts";
import type { Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { projectorIdentity } from "../projection/projector-identity.ts";
import { wholeVersions } from "../store/row-table.ts";
import { listVersions, type Version } from "../store/version.ts";
import { bootFence, type Classification, classify } from "./classify.ts";

/** What one snapshot says of the log and of every projection. */
export interface Survey {
  readonly horizon: Horizon;
  /** Where a model at this snapshot stands. */
  readonly fence: Position;
  readonly versions: readonly Version[];
  readonly found: ReadonlyMap<Projection, Classification>;
}

export interface SurveyOptions {
  readonly log: EventLog;
  readonly projections: readonly Projection[];
  /** From {@link EventLog.settle}, asked before the snapshot began. */
  readonly settled: Position | undefined;
}

export async function takeSurvey(client: pg.ClientBase, options: SurveyOptions): Promise<Survey> {
  const { log, projections, settled } = options;
  const horizon = await log.horizon(client, settled);
  const versions = await listVersions(client);
  const names = new Set(projections.map(({ name }) => name));
  const ours = versions.filter((version) => version.log === log.name && names.has(version.projection));
  const fence = bootFence(horizon, ours);
  const whole = await wholeVersions(
    client,
    ours.map(({ id }) => id),
  );
  const parked = await versionsWithParked(client);
  const found = new Map<Projection, Classification>();
  for (const projection of projections) {
    const { name, mode } = projection;
    const identity = await projectorIdentity(projection);
    const facts = { projection: name, mode, identity, log: log.name, versions, whole, parked };
    found.set(projection, classify({ ...facts, horizon: { ...horizon, fence } }));
  }
  return { horizon, fence, versions, found };
}

async function versionsWithParked(client: pg.ClientBase): Promise<Set<string>> {
  const { rows } = await client.query<{ id: string }>(
    "select distinct version_id::text as id from headstart_projections.parked",
  );
  return new Set(rows.map(({ id }) => id));
}
