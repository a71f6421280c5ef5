import { ProjectionError } from "../errors.ts";
import type { SharedSnapshot } from "../database/shared-snapshot.ts";
import { readPages, type ReadCount } from "../log/event-log.ts";
import { comparePositions, formatPosition } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { typesOf } from "../projection/fold.ts";
import { firstParked, waitsIn } from "../store/parked.ts";
import type { TableFacts } from "../store/row-table.ts";
import type { Version } from "../store/version.ts";
import type { BootProgress, Degraded } from "./boot-report.ts";
import { loadRows, type Loading } from "./load-rows.ts";
import { MemoryRows } from "./memory-rows.ts";
import { LiveModel } from "./model.ts";
import { readTail, type Trailing } from "./read-tail.ts";
import { refold } from "./refold.ts";
import type { Settings } from "./settings.ts";
import type { Stopwatch } from "./stopwatch.ts";
import type { Survey } from "./survey.ts";

export interface AssembleOptions {
  readonly settings: Settings;
  readonly survey: Survey;
  /** Projections to load, with the versions that they are loaded from. */
  readonly versions: ReadonlyMap<Projection, Version>;
  readonly budgetBytes: number;
  readonly deadline: AbortSignal;
  readonly signal: AbortSignal | undefined;
  readonly watch: Stopwatch;
  readonly reads: { readonly tail: ReadCount; readonly refold: ReadCount };
  readonly onProgress: ((progress: BootProgress) => void) | undefined;
}

export interface Part {
  readonly loading: Loading;
  readonly version: Version;
  readonly rows: number;
  readonly refolded: readonly string[];
  applied: number;
  readonly memory: MemoryRows;
}

export interface Assembled {
  readonly model: LiveModel;
  readonly parts: ReadonlyMap<Projection, Part>;
  readonly degraded: readonly Degraded[];
}

/** Makes the model of one snapshot: rows, then what the log has beyond them, all to one position. */
export async function assembleModel(snapshot: SharedSnapshot, options: AssembleOptions): Promise<Assembled> {
  const { watch, survey, settings } = options;
  const degraded: Degraded[] = [];
  const loaded = await watch.time("load", () => loadAll(snapshot, options));
  const parts = new Map<Projection, Part>();
  for (const [projection, loading] of loaded) {
    const version = options.versions.get(projection) as Version;
    if (loading.stopped !== undefined) {
      const cause = options.deadline.aborted ? "budget-ms" : "budget-bytes";
      degraded.push({ projection: projection.name, cause, reason: loading.stopped });
      continue;
    }
    parts.set(
      projection,
      await watch.time("refold", () => completePart(snapshot, { loading, version }, options)),
    );
  }
  const mixed = [...parts.keys()].some(({ mode }) => mode === "inline");
  const model = new LiveModel(survey.fence, mixed ? survey.horizon.snapshot : undefined);
  for (const { memory } of parts.values()) model.add(memory);
  await watch.time("tail", () => catchUp(snapshot, { model, parts, degraded }, options));
  for (const { projection, cause, reason } of degraded)
    if (cause !== "behind") model.leaveOut(projection, reason);
  for (const { memory } of parts.values()) {
    if (memory.shownFault === undefined) continue;
    const { message: reason } = memory.shownFault as Error;
    degraded.push({ projection: memory.projection.name, cause: "poisoned", reason });
  }
  for (const { memory } of parts.values()) {
    if (memory.aside.size === 0 || settings.policy.poisoned !== "refuse") continue;
    throw new ProjectionError("PROJECTION_REFUSED", `rows of ${memory.projection.name} are set aside`, {
      hint: `call redrive("${memory.projection.name}")`,
    });
  }
  return { model, parts, degraded };
}

async function loadAll(
  snapshot: SharedSnapshot,
  options: AssembleOptions,
): Promise<Map<Projection, Loading>> {
  const { settings, survey, versions, budgetBytes, deadline, signal, onProgress } = options;
  const loadings = new Map<Projection, Loading>();
  for (const [projection, version] of versions) {
    loadings.set(projection, {
      projection,
      versionId: version.id,
      table: survey.tables.get(version.id) as TableFacts,
      rows: new Map(),
      undecodable: new Map(),
      ahead: 0,
      bytes: 0,
      stopped: undefined,
    });
  }
  if (loadings.size === 0) return loadings;
  await loadRows([...loadings.values()], {
    snapshot,
    readers: settings.readers,
    head: survey.horizon.head,
    budgetBytes,
    deadline,
    signal,
    onRows: (done, bytes) => onProgress?.({ phase: "load", done, bytes }),
  });
  return loadings;
}

/** Checks that the rows are all there, and folds again those that could not be read. */
async function completePart(
  { client }: SharedSnapshot,
  { loading, version }: Pick<Part, "loading" | "version">,
  options: AssembleOptions,
): Promise<Part> {
  const { projection, rows, undecodable } = loading;
  const inline = projection.mode === "inline";
  if (!inline && rows.size + undecodable.size !== version.rowCount) {
    throw new TornRows(
      projection,
      `${rows.size + undecodable.size} rows are there, and it wrote ${version.rowCount}`,
    );
  }
  if (loading.ahead > 0) {
    throw new TornRows(projection, `${loading.ahead} of its rows know events that the log does not have`);
  }
  const parked = loading.table.parked ? await firstParked(client, version.id) : [];
  if (undecodable.size > 0) {
    const { settings, survey, signal, reads } = options;
    const again = await refold(client, {
      log: settings.log,
      projection,
      upTo: inline ? survey.horizon.head : version.checkpoint,
      only: (key) => undecodable.has(key),
      without: waitsIn(parked),
      limitRows: settings.page.rows,
      limitBytes: settings.page.bytes,
      count: reads.refold,
      signal,
    });
    for (const [key, state] of again) rows.set(key, state);
  }
  const memory = new MemoryRows(projection, rows);
  for (const { key, error = "it depends on a row that is set aside" } of parked) memory.aside.set(key, error);
  return { loading, version, rows: rows.size, refolded: [...undecodable.keys()].sort(), applied: 0, memory };
}

/** A difference that classification cannot see, because it takes all rows to see it. */
export class TornRows extends Error {
  readonly projection: Projection;

  constructor(projection: Projection, message: string) {
    super(`somebody changed or restored its table: ${message}`);
    this.projection = projection;
  }
}

interface CatchUp {
  readonly model: LiveModel;
  readonly parts: Map<Projection, Part>;
  readonly degraded: Degraded[];
}

async function catchUp(
  { client }: SharedSnapshot,
  { model, parts, degraded }: CatchUp,
  options: AssembleOptions,
): Promise<void> {
  const { settings, survey, deadline, signal, reads, onProgress } = options;
  const { log, page } = settings;
  const policy = settings.policy.poisonEvent === "set-aside" ? "aside" : "strict";
  const trailing: (Trailing & { readonly part: Part })[] = [...parts.values()]
    .filter(({ version }) => version.mode === "async")
    .map((part) => ({ part, rows: part.memory, checkpoint: part.version.checkpoint, applied: 0 }));
  const range = { limitRows: page.rows, limitBytes: page.bytes };
  // Rows that are kept inline are at the snapshot already, and the others have to get there.
  const mixed = model.snapshot !== undefined;
  const at = await readTail(client, trailing, {
    log,
    ...range,
    upTo: survey.fence,
    policy,
    count: reads.tail,
    deadline: mixed ? new AbortController().signal : deadline,
    signal,
    onEvents: (done) => onProgress?.({ phase: "tail", done }),
  });
  for (const { part, applied, error } of trailing) {
    part.applied = applied;
    const { projection } = part.memory;
    if (error !== undefined) {
      degraded.push({ projection: projection.name, cause: "poisoned", reason: (error as Error).message });
      parts.delete(projection);
    } else if (comparePositions(at, survey.fence) < 0) {
      const reason = `the time was over at ${formatPosition(at)}, and the log goes to ${formatPosition(survey.fence)}`;
      degraded.push({ projection: projection.name, cause: "behind", reason });
    }
  }
  model.position = at;
  if (!mixed) return;
  model.shownTo = at;
  const beyond = { after: at, upTo: survey.horizon.head, types: typesOf([...parts.keys()]), ...range };
  for await (const { events } of readPages(log, client, beyond, { count: reads.tail, signal })) {
    for (const { memory } of parts.values()) {
      if (memory.projection.mode === "async") memory.show(events);
    }
    model.shownTo = events.at(-1)?.position ?? model.shownTo;
  }
}
