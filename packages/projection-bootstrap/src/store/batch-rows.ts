import type pg from "pg";
import { ProjectionError } from "../errors.ts";
import type { Projection } from "../projection/define-projection.ts";
import type { RowStore } from "../projection/fold.ts";
import { decodeRow, encodeRow } from "../projection/row-codec.ts";
import { comparePositions, type Position } from "../position.ts";
import { readRows, type StoredRow, writeRows } from "./row-table.ts";

interface Cell {
  state: unknown;
  /** As it is stored: whether there is a row at all, and where its last event was. */
  readonly stored: boolean;
  readonly storedAt: Position | undefined;
  readonly error: unknown;
  /** Of the last event that was applied in this batch. */
  position: Position | undefined;
}

/**
 * A batch's copy of the rows that it needs: read once, by key, before the first event, and written once after the
 * last one. However many events a batch has and however large the table is, that is two statements.
 */
export class BatchRows implements RowStore {
  readonly #cells = new Map<string, Cell>();
  readonly #projection: Projection;
  readonly #versionId: string;
  #at: Position | undefined;

  constructor(projection: Projection, versionId: string) {
    this.#projection = projection;
    this.#versionId = versionId;
  }

  /** Reads the rows that are not here yet. */
  async load(client: pg.ClientBase, keys: Iterable<string>): Promise<void> {
    const missing = [...new Set(keys)].filter((key) => !this.#cells.has(key));
    if (missing.length === 0) return;
    for (const row of await readRows(client, this.#versionId, missing)) this.#put(row);
    for (const key of missing) {
      if (this.#cells.has(key)) continue;
      this.#cells.set(key, {
        state: undefined,
        stored: false,
        storedAt: undefined,
        error: undefined,
        position: undefined,
      });
    }
  }

  #put({ key, json, position }: StoredRow): void {
    let state: unknown;
    let error: unknown;
    try {
      state = json === undefined ? undefined : decodeRow(this.#projection, json);
    } catch (cause) {
      error = cause;
    }
    this.#cells.set(key, {
      state,
      stored: json !== undefined,
      storedAt: position,
      error,
      position: undefined,
    });
  }

  /** Which event the next writes come from. */
  at(position: Position): void {
    this.#at = position;
  }

  /** The last event that the stored row holds, or undefined when there never was one. */
  storedAt(key: string): Position | undefined {
    return this.#cell(key).storedAt;
  }

  get(key: string): unknown {
    const cell = this.#cell(key);
    if (cell.error === undefined) return cell.state;
    throw new ProjectionError(
      "ROW_UNDECODABLE",
      `the stored row ${JSON.stringify(key)} of ${this.#projection.name} is not what its schema says`,
      {
        cause: cell.error,
        hint: `call redrive("${this.#projection.name}", { key }) to fold it again from the log`,
      },
    );
  }

  set(key: string, state: unknown): void {
    this.#write(key, state);
  }

  delete(key: string): void {
    this.#write(key, undefined);
  }

  /** Puts a row as it is known to be, whatever was stored. */
  replace(key: string, state: unknown, position: Position): void {
    const old = this.#cells.get(key);
    this.#cells.set(key, {
      state,
      stored: old?.stored ?? false,
      storedAt: old?.storedAt,
      error: undefined,
      position,
    });
  }

  #write(key: string, state: unknown): void {
    const cell = this.#cell(key);
    cell.state = state;
    cell.position = this.#at;
  }

  #cell(key: string): Cell {
    const cell = this.#cells.get(key);
    if (cell === undefined) throw new Error(`row ${key} was not loaded`);
    return cell;
  }

  /**
   * Writes what changed.
   *
   * @returns by how many the number of rows grew
   */
  async flush(client: pg.ClientBase): Promise<number> {
    let growth = 0;
    const rows: StoredRow[] = [];
    for (const [key, { state, stored, position }] of this.#cells) {
      if (position === undefined) continue;
      if (state === undefined && !stored && this.#projection.mode === "async") continue;
      growth += Number(state !== undefined) - Number(stored);
      rows.push({
        key,
        json: state === undefined ? undefined : encodeRow(this.#projection, key, state),
        position,
      });
    }
    rows.sort((a, b) => (a.key < b.key ? -1 : 1));
    await writeRows(client, this.#versionId, rows, { keepGone: this.#projection.mode === "inline" });
    return growth;
  }
}

/** Whether a row already holds an event, or one that comes after it. */
export function holds(storedAt: Position | undefined, position: Position): boolean {
  return storedAt !== undefined && comparePositions(storedAt, position) >= 0;
}
