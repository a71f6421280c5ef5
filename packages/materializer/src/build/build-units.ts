import type { ContentIssue } from "../projector/projector.ts";
import { assembleUnit, type AssembledUnit } from "./assemble-unit.ts";
import type { BuildProgress } from "./build-version.ts";
import { readDocuments, type DocumentSource } from "./read-documents.ts";
import { writeUnits } from "./segments.ts";
import type { SelectedFile } from "./selected-file.ts";

export interface UnitCounts {
  readonly blobsParsed: number;
  readonly blobsReused: number;
  readonly unitsAssembled: number;
  /** How many issues are errors. */
  readonly errors: number;
  /** What is wrong with the units, errors first, at most a thousand of it. */
  readonly issues: readonly ContentIssue[];
}

/** Files read, parsed and written together: bounds memory, and round trips to the server. */
const BATCH_FILES = 1000;

/** A repository where everything is wrong needs no longer list than this. */
const MOST_ISSUES = 1000;

/** Reads, parses and assembles units, and writes them into a segment, some files at a time. */
export async function buildUnits(
  source: DocumentSource,
  job: {
    segment: string;
    units: ReadonlyMap<string, readonly SelectedFile[]>;
    onProgress?: ((progress: BuildProgress) => void) | undefined;
  },
): Promise<UnitCounts> {
  const errors: ContentIssue[] = [];
  const warnings: ContentIssue[] = [];
  let blobsParsed = 0;
  let blobsReused = 0;
  let done = 0;
  let errorCount = 0;
  for await (const { units, parsed, reused } of assembleInBatches(source, job.units)) {
    source.signal.throwIfAborted();
    await writeUnits(source.context, job.segment, units);
    blobsParsed += parsed;
    blobsReused += reused;
    done += units.length;
    for (const issue of units.flatMap((unit) => unit.issues)) {
      if (issue.severity === "error") errorCount += 1;
      const list = issue.severity === "error" ? errors : warnings;
      if (list.length < MOST_ISSUES) list.push(issue);
    }
    job.onProgress?.({ phase: "assemble", done, total: job.units.size });
  }
  return {
    blobsParsed,
    blobsReused,
    unitsAssembled: done,
    errors: errorCount,
    issues: [...errors, ...warnings].slice(0, MOST_ISSUES),
  };
}

/** Assembles units without writing them anywhere, some files at a time. */
export async function* assembleInBatches(
  source: DocumentSource,
  units: ReadonlyMap<string, readonly SelectedFile[]>,
): AsyncGenerator<{ units: AssembledUnit[]; parsed: number; reused: number }> {
  for (const batch of batches(units)) {
    const documents = await readDocuments(
      source,
      batch.flatMap(([, files]) => files),
    );
    const assembled = batch.map(([unit, files]) =>
      assembleUnit(source.projector, unit, { files, documents }),
    );
    yield { units: assembled, parsed: documents.parsed, reused: documents.reused };
  }
}

function* batches<T>(units: ReadonlyMap<string, readonly T[]>): Generator<[string, readonly T[]][]> {
  let batch: [string, readonly T[]][] = [];
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
