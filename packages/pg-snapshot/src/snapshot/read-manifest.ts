import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { PgSnapshotError } from "../errors.ts";
import { parseManifest, type SnapshotManifest } from "./snapshot-manifest.ts";

/** Name of the manifest in its folder. */
export const manifestFile = "fingerprint.json";

/** More than a million input files need; what is larger was not written by us, and could fill our memory. */
const maxManifestBytes = 256 * 1024 * 1024;

/**
 * The manifest in `folder`, `undefined` when there is none.
 *
 * @throws {PgSnapshotError} `SNAPSHOT_CORRUPT`, `SNAPSHOT_INCOMPATIBLE`
 */
export async function readManifest(folder: string): Promise<SnapshotManifest | undefined> {
  const path = join(folder, manifestFile);
  let text: string;
  try {
    const found = await stat(path);
    // To read a named pipe is to wait for ever.
    if (!found.isFile()) throw new PgSnapshotError("SNAPSHOT_CORRUPT", `"${path}" is no file`);
    if (found.size > maxManifestBytes) {
      throw new PgSnapshotError("SNAPSHOT_CORRUPT", `"${path}" is no manifest: it has ${found.size} bytes`);
    }
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw explainReadError(error, path);
  }
  return parseManifest(text, path);
}

/** What a file system's refusal to read means: nothing in a store may end in a bare error. */
export function explainReadError(error: unknown, path: string): PgSnapshotError {
  if (error instanceof PgSnapshotError) return error;
  const why = (error as NodeJS.ErrnoException).code ?? String(error);
  return new PgSnapshotError("SNAPSHOT_CORRUPT", `"${path}" cannot be read (${why})`, {
    hint: "make it readable, or take it from version control again",
    cause: error,
  });
}

export function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
