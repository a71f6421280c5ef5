import { appendFile, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { recordedRuns, recordRun, type Run } from "../../src/history/run-history.ts";
import { summariseRuns } from "../../src/history/summarise-runs.ts";

async function temporaryCache(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "headstart-history-"));
  return { path, [Symbol.asyncDispose]: async () => await rm(path, { recursive: true }) };
}

function runOf(tier: Run["tier"], ms: number, target = "app"): Run {
  return { target, tier, ms, at: "2026-01-01T00:00:00.000Z" };
}

test("runs are found again by target, newest first", async () => {
  await using cache = await temporaryCache();
  const folder = join(cache.path, "not", "made", "yet");
  for (const run of [runOf("build", 1), runOf("template", 2), runOf("build", 3, "other")])
    await recordRun(folder, run);
  expect((await recordedRuns(folder, "app")).map(({ ms }) => ms)).toEqual([2, 1]);
});

test("damaged lines are left out", async () => {
  await using cache = await temporaryCache();
  await recordRun(cache.path, runOf("build", 1));
  await appendFile(join(cache.path, "runs.jsonl"), '{"target":"app"}\nnot json\n\n{"tier":');
  expect(await recordedRuns(cache.path, "app")).toHaveLength(1);
});

test("runs that many processes record at once do not mix", async () => {
  await using cache = await temporaryCache();
  await Promise.all(
    Array.from({ length: 100 }, async (_, ms) => await recordRun(cache.path, runOf("template", ms))),
  );
  const runs = await recordedRuns(cache.path, "app");
  expect(runs.map(({ ms }) => ms).sort((a, b) => a - b)).toEqual([...Array(100).keys()]);
});

test("a long history forgets its older half, and leaves no other file", async () => {
  await using cache = await temporaryCache();
  const line = `${JSON.stringify(runOf("build", 1))}\n`;
  await writeFile(join(cache.path, "runs.jsonl"), line.repeat(Math.ceil(270_000 / line.length)));
  await recordRun(cache.path, runOf("template", 2));
  expect((await stat(join(cache.path, "runs.jsonl"))).size).toBeLessThan(140_000);
  expect((await recordedRuns(cache.path, "app"))[0]).toMatchObject({ tier: "template" });
  expect(await readdir(cache.path)).toEqual(["runs.jsonl"]);
});

test("a history that cannot be written is no reason to fail", async () => {
  await using cache = await temporaryCache();
  await writeFile(join(cache.path, "file"), "");
  await expect(recordRun(join(cache.path, "file"), runOf("build", 1))).resolves.toBeUndefined();
  expect(await recordedRuns(join(cache.path, "file"), "app")).toEqual([]);
});

test("a summary tells runs, median and what each tier saved", () => {
  const runs = [runOf("template", 10), runOf("template", 30), runOf("template", 20), runOf("build", 1_000)];
  expect(summariseRuns(runs, 1_000)).toEqual([
    { tier: "template", runs: 3, medianMs: 20, savedMs: 2_940 },
    { tier: "build", runs: 1, medianMs: 1_000, savedMs: undefined },
  ]);
  expect(summariseRuns(runs, undefined)[0]).toMatchObject({ savedMs: undefined });
  expect(summariseRuns([], 1_000)).toEqual([]);
});
