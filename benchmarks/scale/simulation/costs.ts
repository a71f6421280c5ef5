import { readFileSync } from "node:fs";
import { z } from "zod";

const cost = z.object({
  ms: z.number(),
  nodeMs: z.number(),
  gitMs: z.number(),
  postgresMs: z.number(),
  walBytes: z.number(),
  commits: z.number(),
  rowsWritten: z.number(),
  roundTrips: z.number(),
});

/** One step of a push, as it was weighed. */
export type StepCost = z.output<typeof cost>;

const measured = z.object({
  branches: z.number(),
  node: z.string(),
  postgres: z.string(),
  costs: z.object({
    "list refs, the git server's part": cost,
    "observe, nothing moved": cost,
    "observe, one branch moved": cost,
    "build a draft at a known tree": cost,
    "build a commit of one file": cost,
    hint: cost,
    "claim one of few": cost,
    "claim one of many": cost,
    publish: cost,
    "consume an event": cost,
  }),
  /** Repositories that a claim looked at when one of few, and one of many, was weighed. */
  claimed: z.object({ few: z.number(), many: z.number() }),
});

export type Measured = z.output<typeof measured>;

/** @param file written by measure.ts */
export function readCosts(file: string): Measured {
  return measured.parse(JSON.parse(readFileSync(file, "utf8")));
}
