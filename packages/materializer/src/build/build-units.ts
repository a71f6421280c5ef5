import type { ContentIssue } from "../projector/projector.ts";
import { assembleInBatches } from "./assemble-in-batches.ts";
import type { BuildProgress } from "./build-version.ts";
import type { DocumentSource } from "./read-documents.ts";
import type { SelectedFile } from "./selected-file.ts";
import { writeUnits } from "./write-units.ts";

export interface UnitCounts {
  readonly blobsParsed: number;
  readonly blobsReused: number;
  readonly unitsAssembled: number;
  /** How many issues are errors. */
  readonly errors: number;
  /** What is wrong with the units, errors first, at most a thousand of it. */
  readonly issues: readonly ContentIssue[];
}

/** A repository where everything is wrong needs no longer list than this. */
const MOST_ISSUES = 1000;

/** Reads, parses and assembles units, and writes them into a segment, some of it at a time. */
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
