import { z } from "zod";
import { checkOptions, optional } from "../check-options.ts";
import type { ReadCount } from "../log/event-log.ts";
import { inSharedSnapshot, type SharedSnapshot } from "../database/shared-snapshot.ts";
import { ProjectionError } from "../errors.ts";
import { comparePositions, formatPosition, type Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { projectorIdentity } from "../projection/projector-identity.ts";
import { lookAgain } from "../store/row-table.ts";
import type { Version } from "../store/version.ts";
import { type Assembled, assembleModel, type Part, TornRows } from "./assemble-model.ts";
import { type Remedy, remedyFor } from "./boot-policy.ts";
import {
  type BootProgress,
  type BootReport,
  type Degraded,
  emptyCount,
  type ProjectionReport,
} from "./boot-report.ts";
import type { Classification, ProjectionState } from "./classify.ts";
import type { LiveModel, Model } from "./model.ts";
import { repair } from "./repair.ts";
import type { Settings } from "./settings.ts";
import { Stopwatch } from "./stopwatch.ts";
import { takeSurvey, type Survey } from "./survey.ts";

export interface BootOptions {
  readonly budget?: {
    /** Bytes of JSON text that all stored rows together may have. @default no limit */
    readonly bytes?: number | undefined;
    /** Milliseconds that loading and repairs may take. @default no limit */
    readonly ms?: number | undefined;
  };
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: BootProgress) => void) | undefined;
}

/** A model and how it came about. `degraded` says that the model is less than was asked for, and the report why. */
export interface BootResult {
  readonly kind: "complete" | "degraded";
  readonly model: Model;
  readonly position: Position;
  readonly report: BootReport;
}

/** What follow needs besides. */
export interface BootOutcome extends BootResult {
  readonly model: LiveModel;
}

/** Rounds of looking and repairing; each repair leads to a state that the next round can load. */
const rounds = 5;

interface Boot {
  readonly settings: Settings;
  readonly options: BootOptions;
  readonly watch: Stopwatch;
  readonly deadline: AbortSignal;
  readonly reads: Record<"tail" | "refold" | "rebuild", ReadCount>;
  /** What was found of each projection at first. */
  readonly first: Map<Projection, Classification>;
  readonly rebuilt: Set<Projection>;
  readonly torn: Map<Projection, string>;
  readonly leftOut: Map<Projection, Degraded>;
}

const numbers = z.object({
  budget: z.object({ bytes: optional.countOrNone, ms: optional.millisecondsOrNone }).optional(),
});

export async function boot(settings: Settings, options: BootOptions): Promise<BootOutcome> {
  checkOptions(numbers, options);
  const { budget, signal } = options;
  const current: Boot = {
    settings,
    options,
    watch: new Stopwatch(),
    deadline: budget?.ms === undefined ? new AbortController().signal : AbortSignal.timeout(budget.ms),
    reads: { tail: emptyCount(), refold: emptyCount(), rebuild: emptyCount() },
    first: new Map(),
    rebuilt: new Set(),
    torn: new Map(),
    leftOut: new Map(),
  };
  await current.watch.time("prepare", async () => {
    for (const projection of settings.projections) await projectorIdentity(projection);
  });
  for (let round = 1; ; round++) {
    signal?.throwIfAborted();
    try {
      const outcome = await tryRound(current, round);
      if (outcome !== undefined) return outcome;
    } catch (error) {
      if (!(error instanceof TornRows)) throw error;
      if (round >= rounds) throw unrepaired(error.projection, "torn", error.message);
      current.torn.set(error.projection, error.message);
    }
  }
}

async function tryRound(current: Boot, round: number): Promise<BootOutcome | undefined> {
  const { settings, watch, options, leftOut } = current;
  const projections = settings.projections.filter((projection) => !leftOut.has(projection));
  const settled = await watch.time("classify", () => settings.log.settle(settings.pool, options.signal));
  const began = performance.now();
  const step = await lookAgain((missed) =>
    inSharedSnapshot(settings.pool, async (snapshot) => {
      const survey = await watch.time("classify", () =>
        takeSurvey(snapshot.client, { log: settings.log, projections, settled, missed }),
      );
      const todo = listRepairs(current, survey);
      if (todo.length > 0) return todo;
      return { survey, assembled: await load(snapshot, survey, current) };
    }),
  );
  if (!Array.isArray(step)) return finish(current, step, performance.now() - began);
  const [left] = step;
  if (round >= rounds && left !== undefined) throw unrepaired(left[0], left[1].state, left[1].reason);
  for (const each of step) await watch.time("repair", () => repairOne(current, each));
  return undefined;
}

function unrepaired({ name }: Projection, state: ProjectionState, reason: string): ProjectionError {
  return new ProjectionError(
    "PROJECTION_REFUSED",
    `${name} is still ${state} after ${rounds} repairs: ${reason}`,
    {
      hint: "something changes its rows while it boots: end that, and boot again",
    },
  );
}

type Todo = readonly [Projection, Classification, Remedy];

function listRepairs({ first, torn, settings }: Boot, { found }: Survey): Todo[] {
  const todo: Todo[] = [];
  for (const [projection, seen] of found) {
    const message = torn.get(projection);
    const classification: Classification =
      message === undefined ? seen : { ...seen, state: "torn", reason: message };
    if (!first.has(projection) || message !== undefined) first.set(projection, classification);
    const remedy = remedyFor(classification.state, settings.policy);
    if (remedy !== "use") todo.push([projection, classification, remedy]);
  }
  return todo;
}

async function repairOne(current: Boot, [projection, classification, remedy]: Todo): Promise<void> {
  const { settings, options, deadline, reads } = current;
  const { signal } = options;
  current.torn.delete(projection);
  try {
    await repair(projection, classification, settings, {
      remedy,
      count: reads.rebuild,
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      onProgress: options.onProgress,
    });
    if (remedy === "rebuild") current.rebuilt.add(projection);
  } catch (error) {
    if (!deadline.aborted || signal?.aborted === true) throw error;
    const reason =
      "the time for booting was over while its rows were built; the next boot goes on from there";
    current.leftOut.set(projection, { projection: projection.name, cause: "budget-ms", reason });
  }
}

async function load(snapshot: SharedSnapshot, survey: Survey, current: Boot): Promise<Assembled> {
  const { settings, options, watch, deadline, reads } = current;
  const versions = new Map<Projection, Version>();
  for (const [projection, { version }] of survey.found) {
    if (version !== undefined) versions.set(projection, version);
  }
  return await assembleModel(snapshot, {
    settings,
    survey,
    versions,
    budgetBytes: options.budget?.bytes ?? Number.POSITIVE_INFINITY,
    deadline,
    signal: options.signal,
    watch,
    reads,
    onProgress: options.onProgress,
  });
}

async function finish(
  current: Boot,
  { survey, assembled }: { survey: Survey; assembled: Assembled },
  snapshotMs: number,
): Promise<BootOutcome> {
  const { watch, reads, leftOut } = current;
  const { model, parts } = assembled;
  for (const { projection, reason } of leftOut.values()) model.leaveOut(projection, reason);
  const degraded = [...leftOut.values(), ...assembled.degraded];
  await watch.time("check", () => Promise.resolve(checkPositions(model, survey, assembled)));
  const report: BootReport = {
    position: formatPosition(model.position),
    head: formatPosition(survey.horizon.head),
    projections: current.settings.projections.map((projection) =>
      reportOn(projection, parts.get(projection), current),
    ),
    reads,
    phases: watch.phases,
    snapshotMs,
    degraded,
  };
  return {
    kind: degraded.length > 0 ? "degraded" : "complete",
    model,
    position: model.position,
    report,
  };
}

/** No projection may hold more than the model's position says; {@link assembleModel} brought all of them to it. */
function checkPositions(model: LiveModel, survey: Survey, { parts }: Assembled): void {
  for (const { version } of parts.values()) {
    if (version.mode === "inline" || comparePositions(version.checkpoint, model.position) <= 0) continue;
    throw new Error(`${version.projection} is at ${formatPosition(version.checkpoint)}, beyond the model`);
  }
  if (comparePositions(model.position, survey.fence) > 0) throw new Error("the model is beyond its fence");
}

function reportOn(projection: Projection, part: Part | undefined, current: Boot): ProjectionReport {
  const first = current.first.get(projection);
  const common = {
    name: projection.name,
    found: first?.state ?? "absent",
    reason: first?.reason ?? "",
  };
  if (part === undefined) {
    return {
      ...common,
      mode: "missing",
      versionId: first?.version?.id,
      checkpoint: undefined,
      rows: 0,
      bytes: 0,
      applied: 0,
      refolded: [],
      parked: [],
    };
  }
  const { version, loading, rows, applied, refolded, memory } = part;
  const behind = applied > 0 ? "tail" : "snapshot";
  return {
    ...common,
    mode: current.rebuilt.has(projection) ? "rebuilt" : behind,
    versionId: version.id,
    checkpoint: version.mode === "inline" ? undefined : formatPosition(version.checkpoint),
    rows,
    bytes: loading.bytes,
    applied,
    refolded,
    parked: memory.behind,
  };
}
