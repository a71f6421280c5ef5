import { appendFile, mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cacheDirectory } from "@headstart/pg-snapshot";
import { z } from "zod";

const run = z.object({
  target: z.string(),
  tier: z.enum(["template", "snapshot", "build"]),
  ms: z.number(),
  at: z.string(),
});

/** One preparation that succeeded. */
export type Run = z.infer<typeof run>;

const file = (): string => join(cacheDirectory(), "runs.jsonl");

/** Notes a run for `status`. A history that cannot be written is no reason to fail. */
export async function recordRun(entry: Run): Promise<void> {
  try {
    await mkdir(dirname(file()), { recursive: true });
    // One short write to the end of a file: writers of several processes do not mix.
    await appendFile(file(), `${JSON.stringify(entry)}\n`);
  } catch {
    return;
  }
}

/** The latest runs of a target, newest first. Lines that are damaged are left out. */
export async function latestRuns(target: string, count = 50): Promise<Run[]> {
  const text = await readFile(file(), "utf8").catch(() => "");
  const runs = text.split("\n").flatMap((line) => {
    try {
      return run.safeParse(JSON.parse(line)).data ?? [];
    } catch {
      return [];
    }
  });
  return runs
    .filter((entry) => entry.target === target)
    .slice(-count)
    .toReversed();
}
