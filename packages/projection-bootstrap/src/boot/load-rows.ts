import type pg from "pg";
import Cursor from "pg-cursor";
import type { SharedSnapshot } from "../database/shared-snapshot.ts";
import type { Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { decodeRow } from "../projection/row-codec.ts";
import { rowTable, sentinelKey, type TableFacts } from "../store/row-table.ts";

/** Rows of one version that are being loaded. */
export interface Loading {
  readonly projection: Projection;
  readonly versionId: string;
  readonly table: TableFacts;
  readonly rows: Map<string, unknown>;
  /** Keys whose stored rows are not what the schema says. */
  readonly undecodable: Map<string, string>;
  /** Rows that are newer than the log's end, which only rows kept inline are asked about. */
  ahead: number;
  bytes: number;
  /** Why loading was given up, if it was. */
  stopped: string | undefined;
}

export interface LoadOptions {
  readonly snapshot: SharedSnapshot;
  /** Connections that read side by side, at most. */
  readonly readers: number;
  /** The log's end in that snapshot. */
  readonly head: Position;
  /** Bytes of JSON text that all rows together may have. */
  readonly budgetBytes: number;
  /** Aborts when the time for loading is over. */
  readonly deadline: AbortSignal;
  readonly signal?: AbortSignal | undefined;
  readonly onRows?: ((rows: number, bytes: number) => void) | undefined;
}

/** Blocks of a table that one reader takes at a time: large enough that a scan is worth it, small enough to share. */
const blocksAtOnce = 1024;

/** Below so many pieces another connection costs more than it brings, since one process decodes what all of them read. */
const piecesWorthAReader = 8;

/** Bytes of JSON text that a round trip should bring; rows of any size keep near it. */
const bytesAtOnce = 1024 * 1024;

interface Piece {
  readonly loading: Loading;
  readonly fromBlock: number;
  readonly toBlock: number;
}

/** Reads tables side by side, in pieces of their blocks, each reader taking the next piece that nobody has. */
export async function loadRows(loadings: readonly Loading[], options: LoadOptions): Promise<void> {
  const { client, more } = options.snapshot;
  const pieces = loadings.flatMap(cutTable);
  const helpers = Math.min(options.readers, Math.ceil(pieces.length / piecesWorthAReader)) - 1;
  const readers = [client, ...(helpers > 0 ? await more(helpers) : [])];
  const spent = { rows: 0, bytes: 0 };
  const left = pieces.values();
  const failures = new AbortController();
  await Promise.all(
    readers.map(async (reader) => {
      try {
        for (const piece of left) {
          if (failures.signal.aborted) return;
          await readPiece(reader, piece, { ...options, spent });
        }
      } catch (error) {
        failures.abort(error);
        throw error;
      }
    }),
  );
}

function cutTable(loading: Loading): Piece[] {
  const { blocks } = loading.table;
  const pieces: Piece[] = [];
  for (let fromBlock = 0; fromBlock < blocks; fromBlock += blocksAtOnce) {
    pieces.push({ loading, fromBlock, toBlock: Math.min(fromBlock + blocksAtOnce, blocks) });
  }
  return pieces;
}

interface PieceOptions extends LoadOptions {
  readonly spent: { rows: number; bytes: number };
}

async function readPiece(client: pg.ClientBase, piece: Piece, options: PieceOptions): Promise<void> {
  const { loading, fromBlock, toBlock } = piece;
  const { signal, deadline } = options;
  signal?.throwIfAborted();
  const { text, values } = pieceQuery(loading, options.head, [fromBlock, toBlock]);
  if (!loading.table.wide) {
    // A piece of narrow rows is no more than its blocks, and one answer comes sooner than many.
    if (isOver(loading, deadline)) return;
    const { rows } = await client.query<LoadedRow>({ text, values, rowMode: "array" });
    takeRows(loading, rows, options);
    return;
  }
  const cursor = client.query(new Cursor<LoadedRow>(text, values, { rowMode: "array" }));
  let size = 64;
  let next = cursor.read(size);
  try {
    while (!isOver(loading, deadline)) {
      signal?.throwIfAborted();
      const page = await next;
      if (page.length === 0) return;
      // The server gathers the next rows while these are decoded.
      next = cursor.read(size);
      next.catch(() => undefined);
      const bytes = takeRows(loading, page, options);
      size = Math.max(
        1,
        Math.min(size * 4, Math.floor((bytesAtOnce / Math.max(1, bytes)) * page.length), 4096),
      );
    }
  } finally {
    await cursor.close();
  }
}

type LoadedRow = [key: string, json: string | null, ahead?: boolean];

function isOver(loading: Loading, deadline: AbortSignal): boolean {
  if (deadline.aborted) loading.stopped ??= "the time for booting was over before its rows were loaded";
  return loading.stopped !== undefined;
}

interface PieceQuery {
  readonly text: string;
  readonly values: unknown[];
}

function pieceQuery(
  { projection, versionId }: Loading,
  head: Position,
  blocks: [number, number],
): PieceQuery {
  const values: unknown[] = blocks.map((block) => `(${block},0)`);
  let ahead = "";
  if (projection.mode === "inline") {
    ahead = ", (era, xid, number) > ($3::integer, $4::xid8, $5::bigint)";
    values.push(head.era, head.xid.toString(), head.number.toString());
  }
  const text = `select key, state::text${ahead} from ${rowTable(versionId)} where ctid >= $1::tid and ctid < $2::tid`;
  return { text, values };
}

function takeRows(
  loading: Loading,
  page: readonly LoadedRow[],
  { spent, budgetBytes, onRows }: PieceOptions,
): number {
  const { projection, rows, undecodable } = loading;
  let bytes = 0;
  if (loading.stopped !== undefined) return bytes;
  for (const [key, json, ahead] of page) {
    if (key === sentinelKey || json === null) continue;
    bytes += key.length + json.length;
    if (ahead === true) loading.ahead++;
    try {
      rows.set(key, decodeRow(projection, json));
    } catch (error) {
      undecodable.set(key, error instanceof Error ? error.message : String(error));
    }
  }
  loading.bytes += bytes;
  spent.bytes += bytes;
  spent.rows += page.length;
  if (spent.bytes > budgetBytes) {
    loading.stopped = `its rows need more than the ${budgetBytes} bytes that were allowed`;
    spent.bytes -= loading.bytes;
    loading.rows.clear();
  }
  onRows?.(spent.rows, spent.bytes);
  return bytes;
}
