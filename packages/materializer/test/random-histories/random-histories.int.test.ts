import fc from "fast-check";
import { expect, test } from "vitest";
import { openProject } from "../support/open-project.ts";
import { comeToRest, expectAtRest } from "./at-rest.ts";
import { History } from "./history.ts";
import { performStep, settings, type World } from "./perform-step.ts";
import { newReader } from "./reader.ts";
import { releases } from "./release.ts";
import { steps, type Step } from "./step.ts";
import { watchReaders } from "./watch-readers.ts";

/** The same histories every time; `HEADSTART_SEED=<number>` looks at others, `HEADSTART_RUNS=<factor>` at more. */
const seed = Number(process.env["HEADSTART_SEED"] ?? 20_261_121);
const factor = Number(process.env["HEADSTART_RUNS"] ?? 1);

const transports = [
  ["file", 10 * factor],
  ["http", 5 * factor],
] as const;

const happened = new Set<string>();

const property =
  "over %s, whatever happens, readers see only what some commit had, and after quiet every branch equals git";

test.each(transports)(property, { timeout: 120_000 * factor }, async (over, numRuns) => {
  let finished = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (next) => {
      await liveThrough(next, over);
      finished += 1;
    }),
    { numRuns, endOnFailure: true, seed, timeout: 60_000 },
  );
  expect(finished, "histories that were lived through to their end").toBe(numRuns);
});

test.runIf(seed === 20_261_121)("in these histories everything happened that can", () => {
  const expected = [
    "write, force, fork, delete, hint, audit, rollback, unpin, rebuild, outage, crash, claimed, built",
    "register the new release, register an older release, register the old release",
    "observe: changed, observe: unchanged, build: published, build: failed",
    "late: published, late: fenced",
    "retain: versions, retain: segments, retain: blobs, retain: events, retain: branches",
  ].flatMap((line) => line.split(", "));
  expect([...happened]).toEqual(expect.arrayContaining(expected));
});

async function liveThrough(someSteps: readonly Step[], over: "file" | "http"): Promise<void> {
  await using project = await openProject({ over, settings, projectors: [releases.old] });
  const world: World = {
    project,
    history: new History(project.upstream),
    reader: newReader(project.materializer, { consumer: "reader", begins: "early" }),
    workers: {
      old: project.materializer,
      new: await project.another({ projectors: [releases.new] }),
    },
    late: [],
    stuck: [],
    wanted: "old",
    happened,
  };
  await world.reader.read();
  await using readers = watchReaders(project.db, world.history, async (error) => {
    throw error;
  });
  for (const next of someSteps) {
    await performStep(next, world);
    await readers.check();
  }
  await comeToRest(world);
  await readers.check();
  await expectAtRest(world);
  await readers.check();
}
