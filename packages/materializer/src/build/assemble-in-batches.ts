import { assembleUnit, MOST_OF_UNIT, oversizedUnit, type AssembledUnit } from "./assemble-unit.ts";
import { documentKey, ROUND_SIZE, type ReadDocument } from "./document.ts";
import { readDocuments, type DocumentSource } from "./read-documents.ts";
import type { SelectedFile } from "./selected-file.ts";

/** Files read, parsed and written together at most: bounds memory, and round trips to the server. */
const BATCH_FILES = 1000;

type Unit = readonly [unit: string, files: readonly SelectedFile[]];

interface AssembledBatch {
  readonly units: AssembledUnit[];
  readonly parsed: number;
  readonly reused: number;
}

/** Assembles units without writing them anywhere: so many at a time that their documents fit into memory. */
export async function* assembleInBatches(
  source: DocumentSource,
  units: ReadonlyMap<string, readonly SelectedFile[]>,
): AsyncGenerator<AssembledBatch> {
  for (const batch of batches(units)) yield* assembleBatch(source, batch);
}

/** A unit with the number of files to be read of those behind it. */
interface Waiting {
  readonly unit: string;
  readonly files: readonly SelectedFile[];
  readonly behind: number;
}

/**
 * Documents are read in the order of the units, and a unit is assembled once all of its own are here. Then they are
 * let go: one that a later unit wants too is read again.
 */
async function* assembleBatch(
  source: DocumentSource,
  batch: readonly Unit[],
): AsyncGenerator<AssembledBatch> {
  const documents = new Map<string, ReadDocument>();
  let unread = batch.flatMap(([, files]) => files.filter(isRead));
  let behind = unread.length;
  const waiting = batch.map(([unit, files]): Waiting => {
    behind -= files.filter(isRead).length;
    return { unit, files, behind };
  });
  while (waiting.length > 0) {
    const { files: read, parsed, reused } = await readRound(source, unread, documents);
    unread = unread.slice(read);
    const first = waiting.findIndex((unit) => unread.length > unit.behind);
    const ready = waiting.splice(0, first < 0 ? waiting.length : first);
    const units = ready.map(({ unit, files }) => assembleUnit(source.projector, unit, { files, documents }));
    const [begun] = waiting;
    if (begun !== undefined && units.length === 0 && sizeOf(documents) > MOST_OF_UNIT) {
      units.push(oversizedUnit(begun.unit, begun.files));
      waiting.shift();
      unread = unread.slice(unread.length - begun.behind);
    }
    if (units.length > 0) letGo(documents, waiting[0]?.files ?? []);
    yield { units, parsed, reused };
  }
}

function isRead({ problem }: SelectedFile): boolean {
  return problem === undefined;
}

/** Reads on until enough is here for a round of work. */
async function readRound(
  source: DocumentSource,
  unread: readonly SelectedFile[],
  documents: Map<string, ReadDocument>,
): Promise<{ files: number; parsed: number; reused: number }> {
  const round = { files: 0, parsed: 0, reused: 0 };
  for (let size = 0; round.files < unread.length && size < ROUND_SIZE;) {
    const some = await readDocuments(source, unread.slice(round.files), documents);
    round.files += some.files;
    round.parsed += some.parsed;
    round.reused += some.reused;
    for (const [key, document] of some.documents) {
      documents.set(key, document);
      size += document.size;
    }
  }
  return round;
}

function sizeOf(documents: ReadonlyMap<string, ReadDocument>): number {
  let size = 0;
  for (const document of documents.values()) size += document.size;
  return size;
}

function letGo(documents: Map<string, ReadDocument>, but: readonly SelectedFile[]): void {
  const kept = new Set(but.map(documentKey));
  for (const key of documents.keys()) if (!kept.has(key)) documents.delete(key);
}

function* batches(units: ReadonlyMap<string, readonly SelectedFile[]>): Generator<Unit[]> {
  let batch: Unit[] = [];
  let files = 0;
  for (const unit of units) {
    batch.push(unit);
    files += unit[1].length;
    if (files < BATCH_FILES && batch.length < BATCH_FILES) continue;
    yield batch;
    batch = [];
    files = 0;
  }
  if (batch.length > 0) yield batch;
}
