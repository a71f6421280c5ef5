import type pg from "pg";
import type { EventLog, Horizon } from "../log/event-log.ts";
import { comparePositions, type Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { projectorIdentity } from "../projection/projector-identity.ts";
import { readTables, type TableFacts } from "../store/row-table.ts";
import { listVersions, type Version, versionFor } from "../store/version.ts";
import { bootFence, type Classification, classify } from "./classify.ts";

/** What one snapshot says of the log and of every projection. */
export interface Survey {
  readonly horizon: Horizon;
  /** Where a model at this snapshot stands. */
  readonly fence: Position;
  readonly versions: readonly Version[];
  readonly found: ReadonlyMap<Projection, Classification>;
  /** Of each version of these projections that was made from this log, by its id. */
  readonly tables: ReadonlyMap<string, TableFacts>;
}

export interface SurveyOptions {
  readonly log: EventLog;
  readonly projections: readonly Projection[];
  /** From {@link EventLog.settle}, asked before the snapshot began. */
  readonly settled: Position | undefined;
  /** From `lookAgain`, which runs the transaction that the survey is taken in. */
  readonly missed: ReadonlySet<string>;
}

export async function takeSurvey(client: pg.ClientBase, options: SurveyOptions): Promise<Survey> {
  const { log, projections, settled, missed } = options;
  const horizon = await log.horizon(client, settled);
  const versions = await listVersions(client);
  const names = new Set(projections.map(({ name }) => name));
  const ours = versions.filter((version) => version.log === log.name && names.has(version.projection));
  const fence = bootFence(horizon, ours);
  const tables = await readTables(
    client,
    ours.map(({ id }) => id),
    missed,
  );
  const idsWith = (fact: "whole" | "parked"): Set<string> =>
    new Set([...tables].filter(([, facts]) => facts[fact]).map(([id]) => id));
  const [whole, parked] = [idsWith("whole"), idsWith("parked")];
  const found = new Map<Projection, Classification>();
  for (const projection of projections) {
    const { name, mode } = projection;
    const identity = await projectorIdentity(projection);
    const own = { projection: name, mode, identity, log: log.name };
    const cut = await findCut(client, log, { version: versionFor(versions, own), fence });
    const facts = { ...own, versions, whole, parked, cut };
    found.set(projection, classify({ ...facts, horizon: { ...horizon, fence } }));
  }
  return { horizon, fence, versions, found, tables };
}

/** The version's id, if it has something to read that is not there any more. */
async function findCut(
  client: pg.ClientBase,
  log: EventLog,
  { version, fence }: { readonly version: Version | undefined; readonly fence: Position },
): Promise<ReadonlySet<string>> {
  if (version?.mode !== "async" || comparePositions(version.checkpoint, fence) >= 0) return new Set();
  return new Set((await log.isCut(client, version)) ? [version.id] : []);
}
