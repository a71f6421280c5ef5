import { expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import type { Verification } from "../../src/verify/verify-projection.ts";
import { amounts, story, totals } from "../support/projections.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

it("continuous verification sees every key of every projection, and names a difference that appears meanwhile", async () => {
  await using scratch = await scratchDatabase();
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals(), story()] });
  for (const stream of ["a", "b", "c", "d", "e"]) await bootstrap.append(stream, amounts(1, 2, 3));
  const { report } = await bootstrap.boot();
  const seen: Verification[] = [];
  const stop = new AbortController();
  let damaged: Promise<unknown> | undefined;
  await bootstrap.verifyContinuously({
    signal: stop.signal,
    share: 1 / 3,
    everyMs: 0,
    onVerified: (verification) => {
      seen.push(verification);
      // Three parts of two projections are one pass over all of them.
      if (seen.length === 6) {
        damaged = scratch.pool.query(
          `update headstart_projections.rows_${report.projections[0]?.versionId} set state = '{"count":3,"sum":5}' where key = 'd'`,
        );
      }
      if (!verification.equal) stop.abort();
    },
  });
  await damaged;
  const pass = seen.slice(0, 6);
  expect(pass.every(({ equal }) => equal)).toBe(true);
  const rows = (name: string): number =>
    pass.filter(({ projection }) => projection === name).reduce((sum, each) => sum + each.rows, 0);
  expect([rows("totals"), rows("story")]).toEqual([5, 3]);
  expect(seen.at(-1)).toMatchObject({ projection: "totals", differing: 1, first: { key: "d" } });
});

it("continuous verification goes on past a projection that cannot be looked at, and ends with its signal", async () => {
  await using scratch = await scratchDatabase();
  const built = createBootstrap({ pool: scratch.pool, projections: [totals()] });
  await built.append("a", amounts(1));
  await built.boot();
  const both = createBootstrap({ pool: scratch.pool, projections: [story(), totals()] });
  const stop = new AbortController();
  const failed: string[] = [];
  const verified: string[] = [];
  await both.verifyContinuously({
    signal: stop.signal,
    share: 1,
    everyMs: 0,
    onError: (error, projection) => {
      expect(error).toMatchObject({ code: "PROJECTION_REFUSED" });
      failed.push(projection);
    },
    onVerified: ({ projection }) => {
      verified.push(projection);
      if (verified.length === 2) stop.abort();
    },
  });
  expect({ failed, verified }).toEqual({ failed: ["story", "story"], verified: ["totals", "totals"] });
});

it("verification refuses what it cannot mean", async () => {
  await using scratch = await scratchDatabase();
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals()] });
  await bootstrap.boot();
  for (const share of [0, -1, 1.5, Number.NaN]) {
    await expect(bootstrap.verify("totals", { share })).rejects.toMatchObject({ code: "OPTION_INVALID" });
  }
  const { signal } = new AbortController();
  await expect(bootstrap.verifyContinuously({ signal, names: ["total"] })).rejects.toMatchObject({
    code: "PROJECTION_UNKNOWN",
  });
});
