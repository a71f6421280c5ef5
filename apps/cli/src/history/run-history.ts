import { randomBytes } from "node:crypto";
import { appendFile, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";

const run = z.object({
  target: z.string(),
  tier: z.enum(["template", "snapshot", "build"]),
  /** Milliseconds until the template was ready, without saving a snapshot. */
  ms: z.number().nonnegative(),
  /** Bytes of the snapshot that was restored or saved, if any. */
  bytes: z.number().nonnegative().optional(),
  at: z.string(),
});

/** One preparation that succeeded. */
export type Run = z.infer<typeof run>;

/** Bytes of history from which on the older half is forgotten. */
const maxBytes = 256 * 1024;

const fileIn = (cache: string): string => join(cache, "runs.jsonl");

/** Notes a run for `status`. A history that cannot be written is no reason to fail. */
export async function recordRun(cache: string, entry: Run): Promise<void> {
  const file = fileIn(cache);
  try {
    await mkdir(dirname(file), { recursive: true });
    // One short write to the end of a file: writers of several processes do not mix.
    await appendFile(file, `${JSON.stringify(entry)}\n`);
    if ((await stat(file)).size > maxBytes) await forgetOlderHalf(file);
  } catch {
    return;
  }
}

async function forgetOlderHalf(file: string): Promise<void> {
  const lines = (await readFile(file, "utf8")).split("\n");
  const aside = `${file}.${process.pid}-${randomBytes(4).toString("hex")}`;
  try {
    await writeFile(aside, lines.slice(Math.floor(lines.length / 2)).join("\n"));
    await rename(aside, file);
  } finally {
    await rm(aside, { force: true });
  }
}

/** The recorded runs of a target, newest first. Lines that are damaged are left out. */
export async function recordedRuns(cache: string, target: string): Promise<Run[]> {
  const text = await readFile(fileIn(cache), "utf8").catch(() => "");
  const runs = text.split("\n").flatMap((line) => {
    try {
      return run.safeParse(JSON.parse(line)).data ?? [];
    } catch {
      return [];
    }
  });
  return runs.filter((entry) => entry.target === target).toReversed();
}
