import { open } from "node:fs/promises";
import { PgSnapshotError } from "../errors.ts";

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
 * Reads the version of a dump in custom format from its first bytes: `PGDMP`, major, minor, revision.
 *
 * @returns the minor number of format `1.x`
 * @throws {PgSnapshotError} `SNAPSHOT_CORRUPT` when the file is no such dump
 */
export async function readArchiveVersion(path: string): Promise<number> {
  const handle = await open(path, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(8), 0, 8, 0);
    if (bytesRead === 8 && buffer.toString("latin1", 0, 5) === "PGDMP" && buffer[5] === 1)
      return buffer[6] ?? 0;
  } finally {
    await handle.close();
  }
  throw new PgSnapshotError("SNAPSHOT_CORRUPT", `"${path}" is no dump in pg_dump's custom format`, {
    hint: "save the snapshot anew",
  });
}
