import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ObjectFormat } from "./oid.ts";

/**
 * A mirror's repository. It is replaced as a whole when it turns out damaged, and whoever reads the old one goes on
 * reading: that one stays until it is replaced again.
 */
export interface Generation {
  readonly directory: string;
  readonly objectFormat: ObjectFormat;
}

/** The generation that counts, or undefined before the first fetch. */
export async function currentGeneration(mirror: string): Promise<Generation | undefined> {
  const name = await readFile(join(mirror, "current"), "utf8").catch(() => undefined);
  const match = /^(sha1|sha256)-[0-9a-f]{8}$/.exec(name ?? "");
  if (match === null) return undefined;
  const directory = join(mirror, "generations", match[0]);
  const present = await stat(directory).catch(() => undefined);
  return present && { directory, objectFormat: match[1] as ObjectFormat };
}

/** Gives `currentGeneration`, and remembers it while the file that says so is the same one: every read asks. */
export function generationReader(mirror: string): () => Promise<Generation | undefined> {
  let known: { readonly mark: string; readonly generation: Generation } | undefined;
  return async () => {
    const file = await stat(join(mirror, "current"), { bigint: true }).catch(() => undefined);
    const mark = file && `${file.ino} ${file.mtimeNs}`;
    if (mark !== undefined && mark === known?.mark) return known.generation;
    const generation = await currentGeneration(mirror);
    known = generation && mark !== undefined ? { mark, generation } : undefined;
    return generation;
  };
}

/** A generation in the making: nobody reads it yet. Only under the mirror's fetch lock. */
export async function newGeneration(mirror: string, objectFormat: ObjectFormat): Promise<Generation> {
  const folder = join(mirror, "generations");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return { directory: join(folder, `making-${objectFormat}-${randomUUID().slice(0, 8)}`), objectFormat };
}

/** Makes a generation the one that counts, in one step, and removes all but the one before it. */
export async function publishGeneration(mirror: string, made: Generation): Promise<Generation> {
  const before = await currentGeneration(mirror);
  const directory = made.directory.replace("making-", "");
  await rename(made.directory, directory);
  const name = directory.slice(join(mirror, "generations").length + 1);
  const aside = join(mirror, `current.${randomUUID().slice(0, 8)}`);
  await writeFile(aside, name);
  await rename(aside, join(mirror, "current"));
  await sweepGenerations(mirror, [directory, before?.directory]);
  return { ...made, directory };
}

/** Removes what is not to be kept: older generations, and those that a killed process was making. */
export async function sweepGenerations(mirror: string, keep: readonly (string | undefined)[]): Promise<void> {
  const folder = join(mirror, "generations");
  for (const name of await readdir(folder).catch(() => [])) {
    const directory = join(folder, name);
    if (!keep.includes(directory)) await rm(directory, { recursive: true, force: true });
  }
}

const distrustMark = "headstart-distrusted";

/** Notes that a generation gave wrong answers, so that the next fetch replaces it. */
export async function distrust(generation: Generation): Promise<void> {
  await writeFile(join(generation.directory, distrustMark), "").catch(() => undefined);
}

export async function isDistrusted(generation: Generation): Promise<boolean> {
  return (await stat(join(generation.directory, distrustMark)).catch(() => undefined)) !== undefined;
}
