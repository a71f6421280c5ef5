import type pg from "pg";
import { inTransaction } from "../database/transaction.ts";
import { ProjectionError } from "../errors.ts";
import type { RawEvent, StoredEvent } from "../log/event-log.ts";
import {
  type Appended,
  type AppendOptions,
  lockForAppend,
  type NewEvent,
  outOfOrder,
  readNext,
  writeEvents,
} from "../log/append.ts";
import type { PostgresLog } from "../log/postgres-log.ts";
import { beginning } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { applyStep, planStep, type Step } from "../projection/fold.ts";
import { projectorIdentity } from "../projection/projector-identity.ts";
import { BatchRows, holds } from "../store/batch-rows.ts";
import { listVersions, type Version } from "../store/version.ts";

export interface AppendSettings {
  readonly pool: pg.Pool;
  readonly log: PostgresLog;
  /** All that this process knows; those that are kept inline are applied. */
  readonly projections: readonly Projection[];
}

/** Times that an append of our own is run again because another one overtook it. */
const attempts = 10;

/** Appends in a transaction of its own, or as part of the caller's. */
export async function appendEvents(
  settings: AppendSettings,
  stream: string,
  events: readonly NewEvent[],
  options: AppendOptions & { readonly client?: pg.ClientBase | undefined } = {},
): Promise<Appended> {
  const { client } = options;
  if (client !== undefined) return await appendIn(client, settings, { stream, events, options });
  for (let attempt = 1; ; attempt++) {
    try {
      return await inTransaction(settings.pool, (own) =>
        appendIn(own, settings, { stream, events, options }),
      );
    } catch (error) {
      if (!isOvertaken(error) || attempt === attempts) throw error;
    }
  }
}

function isOvertaken(error: unknown): boolean {
  return error instanceof ProjectionError && error.code === "APPEND_OUT_OF_ORDER";
}

interface Append {
  readonly stream: string;
  readonly events: readonly NewEvent[];
  readonly options: AppendOptions;
}

async function appendIn(client: pg.ClientBase, settings: AppendSettings, append: Append): Promise<Appended> {
  const { stream, events, options } = append;
  const ordering = await lockForAppend(client, stream, settings.log.ordering);
  const inline = await inlineVersions(client, settings);
  if (inline.length === 0) {
    return await writeEvents(client, stream, events, { ...options, log: settings.log, ordering });
  }
  // A key may depend on all that the event will say of itself, so that is settled first; all but its position.
  const { version, recordedAt } = await readNext(client, stream);
  const raw = events.map(({ type, data }, place): RawEvent => {
    const json = JSON.stringify(data);
    return { position: beginning, stream, version: version + place, type, json, recordedAt };
  });
  const { locked, looks } = await lockKeys(client, inline, raw);
  // A row that is only looked at does not say by whom, so nothing at all may come after these events.
  const given = { ...options, log: settings.log, ordering, newest: looks, recordedAt };
  const appended = await writeEvents(client, stream, events, given);
  for (const target of inline) await applyInline(client, target, { events: appended.events, locked });
  return appended;
}

interface InlineTarget {
  readonly projection: Projection;
  readonly versionId: string;
}

/**
 * The rows that this append has to change. An appender that does not know one of them, or has other code for it,
 * would leave it behind for ever, and is refused.
 */
async function inlineVersions(client: pg.ClientBase, settings: AppendSettings): Promise<InlineTarget[]> {
  const active = (await listVersions(client)).filter(
    ({ status, mode, log }) => status === "active" && mode === "inline" && log === settings.log.name,
  );
  const targets: InlineTarget[] = [];
  for (const version of active) {
    const projection = settings.projections.find(({ name }) => name === version.projection);
    if (projection === undefined || !(await isFor(projection, version))) throw mismatch(version);
    targets.push({ projection, versionId: version.id });
  }
  return targets.sort((a, b) => (a.projection.name < b.projection.name ? -1 : 1));
}

async function isFor(projection: Projection, version: Version): Promise<boolean> {
  if (projection.mode !== "inline") return false;
  const identity = await projectorIdentity(projection);
  return version.identity === identity || version.accepted.includes(identity);
}

function mismatch({ projection, id }: Version): ProjectionError {
  return new ProjectionError(
    "INLINE_MISMATCH",
    `projection ${projection} is kept inline by version ${id}, which this process has not the code for`,
    {
      hint: `boot with the code that it should have now, which rebuilds it, or call retire("${projection}") to end it`,
    },
  );
}

interface Locked {
  /** What is locked, as {@link lockName} says it. */
  readonly locked: ReadonlySet<string>;
  /** Whether a row is changed that looks at others, or that others look at. */
  readonly looks: boolean;
}

/**
 * Locks the keys before anything is written, in one order for everybody. Whoever gets a key first then also has the
 * lower transaction number, so that rows are changed in the log's order.
 */
async function lockKeys(
  client: pg.ClientBase,
  targets: readonly InlineTarget[],
  events: readonly RawEvent[],
): Promise<Locked> {
  const locked = new Set<string>();
  let looks = false;
  for (const target of targets) {
    for (const event of events) {
      const step = planInline(target.projection, event);
      if (step === undefined) continue;
      for (const key of touched(step)) locked.add(lockName(target, key));
      looks ||= target.projection.definition.reads !== undefined;
    }
  }
  if (locked.size === 0) return { locked, looks };
  await client.query(
    `select pg_advisory_xact_lock(lock)
       from (select distinct hashtextextended('headstart_projections.key:' || name, 0) as lock
               from unnest($1::text[]) as name order by 1) as locks`,
    [[...locked]],
  );
  return { locked, looks };
}

function lockName({ versionId }: InlineTarget, key: string): string {
  return `${versionId}:${key}`;
}

function touched({ keys, reads }: Step): string[] {
  return [...keys, ...reads];
}

function planInline(projection: Projection, event: RawEvent): Step | undefined {
  try {
    return planStep(projection, event);
  } catch (cause) {
    throw inlineFailed(projection, cause);
  }
}

interface Written {
  readonly events: readonly StoredEvent[];
  /** From {@link lockKeys}. */
  readonly locked: ReadonlySet<string>;
}

async function applyInline(
  client: pg.ClientBase,
  target: InlineTarget,
  { events, locked }: Written,
): Promise<void> {
  const { projection, versionId } = target;
  const steps: Step[] = [];
  for (const event of events) {
    const step = planInline(projection, { ...event, json: JSON.stringify(event.data) });
    if (step === undefined) continue;
    const free = touched(step).find((key) => !locked.has(lockName(target, key)));
    if (free !== undefined) throw keyNotLocked(projection, free);
    steps.push(step);
  }
  if (steps.length === 0) return;
  const rows = new BatchRows(projection, versionId);
  await rows.load(client, steps.flatMap(touched));
  try {
    for (const step of steps) {
      rows.at(step.event.position);
      for (const key of step.keys) {
        if (holds(rows.storedAt(key), step.event.position))
          throw outOfOrder(`row ${key} of ${projection.name}`);
        applyStep(projection, step, key, rows);
      }
    }
    await rows.flush(client);
  } catch (cause) {
    if (isOvertaken(cause)) throw cause;
    throw inlineFailed(projection, cause);
  }
}

/** Somebody else may be changing that row, and one of the two changes would be lost. */
function keyNotLocked(projection: Projection, key: string): ProjectionError {
  const what = `row ${JSON.stringify(key)} was not named before the event had its position`;
  return inlineFailed(projection, new Error(`${what}, and key() and reads() may not depend on that`));
}

function inlineFailed({ name }: Projection, cause: unknown): ProjectionError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ProjectionError(
    "INLINE_FAILED",
    `nothing was appended, because ${name} cannot take it: ${reason}`,
    {
      hint: "correct the event or the projector; an inline projection never falls behind its log",
      cause,
    },
  );
}
