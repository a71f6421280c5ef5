import { open } from "node:fs/promises";
import { PgSnapshotError } from "../errors.ts";
import type { Tool } from "../tools/find-tool.ts";
import { tornError } from "./explain-lookup.ts";
import { explainReadError, isAbsent } from "./read-manifest.ts";

/**
 * The newest archive format `1.x` that a pg_restore reads; its pg_dump writes the same. From `pg_backup_archiver.h`
 * (K_VERS_1_13 … K_VERS_1_16) of each release.
 */
export function newestReadableArchive(major: number): number {
  if (major <= 11) return 13;
  if (major <= 15) return 14;
  return major === 16 ? 15 : 16;
}

/**
 * Checks that a dump is one in custom format which `tool` can read, by its first bytes: `PGDMP`, major, minor,
 * revision.
 *
 * @throws {PgSnapshotError} `SNAPSHOT_CORRUPT` when it is none, `SNAPSHOT_INCOMPATIBLE` when it is a newer one,
 * `SNAPSHOT_TORN` when it is not there
 */
export async function checkArchive(path: string, { major, version }: Tool): Promise<void> {
  const archive = await readArchiveVersion(path).catch((error: unknown) => {
    if (!isAbsent(error)) throw explainReadError(error, path);
    throw tornError({ reason: `"${path}" is not there any more` });
  });
  if (archive === undefined) {
    throw new PgSnapshotError("SNAPSHOT_CORRUPT", `"${path}" is no dump in pg_dump's custom format`, {
      hint: "save the snapshot anew",
    });
  }
  if (archive > newestReadableArchive(major)) {
    throw new PgSnapshotError(
      "SNAPSHOT_INCOMPATIBLE",
      `"${path}" is in archive format 1.${archive}, newer than pg_restore ${version} can read`,
      { hint: "install newer client tools, or save the snapshot with the present ones" },
    );
  }
}

/** The minor number of format `1.x`; `undefined` for a file of another kind. */
async function readArchiveVersion(path: string): Promise<number | undefined> {
  const handle = await open(path, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(8), 0, 8, 0);
    return bytesRead === 8 && buffer.toString("latin1", 0, 5) === "PGDMP" && buffer[5] === 1
      ? buffer[6]
      : undefined;
  } finally {
    await handle.close();
  }
}
