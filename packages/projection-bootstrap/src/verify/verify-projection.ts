import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import Cursor from "pg-cursor";
import { z } from "zod";
import { refold } from "../boot/refold.ts";
import type { Settings } from "../boot/settings.ts";
import { checkOptions, optional } from "../check-options.ts";
import { takeConnection } from "../database/connection.ts";
import { inTransaction } from "../database/transaction.ts";
import { ProjectionError } from "../errors.ts";
import type { ReadCount } from "../log/event-log.ts";
import { visibleIn } from "../log/visible-in.ts";
import { comparePositions, formatPosition, type Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { projectorIdentity } from "../projection/projector-identity.ts";
import { digestOfRow } from "../projection/row-codec.ts";
import { firstParked, waitsIn } from "../store/parked.ts";
import { lookAgain, readTables, rowTable, sentinelKey } from "../store/row-table.ts";
import { listVersions, type Version, versionFor } from "../store/version.ts";
import { diagnoseKey, type Diagnosis } from "./diagnose-key.ts";

export interface VerifyOptions {
  /** The part of the keys to look at, from above 0 to 1; which keys it is follows from `round`. @default 1 */
  readonly share?: number | undefined;
  /** With a share below 1: which part. Rounds 0 up to 1 / share - 1 see every key once. @default 0 */
  readonly round?: number | undefined;
  /** Events to read in a second, at most. @default no limit */
  readonly eventsPerSecond?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((events: number) => void) | undefined;
}

export interface Verification {
  readonly projection: string;
  readonly versionId: string;
  /** Whether every row looked at is what the log says. */
  readonly equal: boolean;
  /** The position that rows and log were compared at: that of the rows, wherever the log ends. */
  readonly position: string;
  /** Rows compared. */
  readonly rows: number;
  /** Keys that differ. */
  readonly differing: number;
  /** The first of them in the order of bytes, and the event that explains it. */
  readonly first: Diagnosis | undefined;
  /** Keys with events that are set aside, which were compared without them. */
  readonly parked: readonly string[];
  /** Of the log: once to compare, and once more to explain the first difference. */
  readonly read: ReadCount;
}

export const verifyNumbers = {
  share: z.number().positive().max(1).optional(),
  round: optional.countOrNone,
  eventsPerSecond: optional.rate,
};

/**
 * Folds the log again up to where the stored rows stand, and compares. Nothing is written, and no snapshot stays
 * open while the log is read, because what lies before a checkpoint does not change.
 *
 * @throws {ProjectionError} `PROJECTION_REFUSED` when there are no rows of this code, `POISON_EVENT`, `OPTION_INVALID`
 */
export async function verifyProjection(
  projection: Projection,
  settings: Settings,
  options: VerifyOptions = {},
): Promise<Verification> {
  checkOptions(z.object(verifyNumbers), options);
  const { share = 1, round = 0, signal } = options;
  const parts = Math.max(1, Math.round(1 / share));
  const wanted = (key: string): boolean => parts === 1 || partOf(key, parts) === round % parts;
  const stored = await readStored(projection, settings, wanted);
  const { version, position, waiting, parked } = stored;
  const read: ReadCount = { rows: 0, bytes: 0, pages: 0 };
  const { client, release } = await takeConnection(settings.pool);
  try {
    const common = {
      log: settings.log,
      projection,
      upTo: position,
      without: waiting,
      limitRows: settings.page.rows,
      limitBytes: settings.page.bytes,
      count: read,
      signal,
      onPage: pace(options, read),
    };
    const folded = await refold(client, { ...common, only: wanted });
    const differing = compareRows(stored.digests, folded);
    const [key] = differing;
    const first =
      key === undefined ? undefined : await diagnoseKey(client, { ...common, key, versionId: version.id });
    return {
      projection: projection.name,
      versionId: version.id,
      equal: differing.length === 0,
      position: formatPosition(position),
      rows: new Set([...stored.digests.keys(), ...folded.keys()]).size,
      differing: differing.length,
      first,
      parked: [...parked].sort(),
      read,
    };
  } finally {
    release();
  }
}

function compareRows(digests: ReadonlyMap<string, string>, folded: ReadonlyMap<string, unknown>): string[] {
  const differing: string[] = [];
  for (const key of new Set([...digests.keys(), ...folded.keys()])) {
    const state = folded.get(key);
    if (digests.get(key) === (state === undefined ? undefined : digestOfRow(state))) continue;
    differing.push(key);
  }
  return differing.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** Spreads keys evenly, and the same way every time. */
function partOf(key: string, parts: number): number {
  return createHash("sha1").update(key).digest().readUInt32BE(0) % parts;
}

interface Stored {
  readonly version: Version;
  readonly position: Position;
  readonly digests: ReadonlyMap<string, string>;
  readonly parked: readonly string[];
  /** Events that the rows do not hold, though they lie before the position. */
  readonly waiting: (key: string, position: Position) => boolean;
}

/** The rows as digests, and what they stand for, in one short snapshot. */
async function readStored(
  projection: Projection,
  { pool, log }: Settings,
  wanted: (key: string) => boolean,
): Promise<Stored> {
  const { name, mode } = projection;
  const identity = await projectorIdentity(projection);
  const settled = await log.settle(pool);
  const look = async (client: pg.ClientBase, missed: ReadonlySet<string>): Promise<Stored> => {
    const { head, fence, snapshot } = await log.horizon(client, settled);
    const found = versionFor(await listVersions(client, [name]), {
      projection: name,
      identity,
      log: log.name,
      mode,
    });
    if (found === undefined || found.status === "building") {
      throw new ProjectionError("PROJECTION_REFUSED", `there are no rows of ${name} that this code made`, {
        hint: `call rebuild("${name}"); verify compares what the present code made`,
      });
    }
    const table = (await readTables(client, [found.id], missed)).get(found.id);
    const parked = table?.parked === true ? await firstParked(client, found.id) : [];
    const isParked = waitsIn(parked);
    const unseen = (position: Position): boolean =>
      mode === "inline" && comparePositions(position, fence) > 0 && !visibleIn(snapshot, position.xid);
    return {
      version: found,
      position: mode === "inline" ? head : found.checkpoint,
      digests: await readDigests(client, found.id, wanted),
      parked: parked.map(({ key }) => key),
      waiting: (key, position) => unseen(position) || isParked(key, position),
    };
  };
  return await lookAgain((missed) => inTransaction(pool, (client) => look(client, missed), "snapshot"));
}

async function readDigests(
  client: pg.ClientBase,
  versionId: string,
  wanted: (key: string) => boolean,
): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  const cursor = client.query(
    new Cursor<[string, string]>(
      `select key, state::text from ${rowTable(versionId)} where key <> $1 and state is not null`,
      [sentinelKey],
      { rowMode: "array" },
    ),
  );
  for (;;) {
    const page = await cursor.read(500);
    if (page.length === 0) break;
    for (const [key, json] of page) if (wanted(key)) digests.set(key, digestOfRow(JSON.parse(json)));
  }
  await cursor.close();
  return digests;
}

/** Waits after each page for as long as the allowed rate asks for. */
function pace({ eventsPerSecond, signal, onProgress }: VerifyOptions, read: ReadCount): () => Promise<void> {
  const began = performance.now();
  return async () => {
    onProgress?.(read.rows);
    if (eventsPerSecond === undefined) return;
    const due = (read.rows / eventsPerSecond) * 1000 - (performance.now() - began);
    if (due > 0) await delay(due, undefined, { signal });
  };
}
