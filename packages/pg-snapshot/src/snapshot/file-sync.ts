import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { PgSnapshotError } from "../errors.ts";

export interface FileSum {
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  readonly bytes: number;
}

/** SHA-256 and size of a file, read once in pieces of a megabyte. */
export async function sumFile(path: string, signal?: AbortSignal): Promise<FileSum> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, ...(signal && { signal }) })) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { sha256: hash.digest("hex"), bytes };
}

/** Waits until a file, or the entries of a folder, are on the disk: what a rename is built on must not be lost. */
export async function syncToDisk(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } catch (error) {
    // Windows and some network file systems cannot sync a folder.
    if (!["EPERM", "EINVAL", "EISDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  } finally {
    await handle.close();
  }
}

/** What a file system's refusal to write means to the person who has to fix it. */
export function explainWriteError(error: unknown, directory: string): unknown {
  if (error instanceof PgSnapshotError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new PgSnapshotError(
      "DISK_FULL",
      `no space left for a snapshot in "${directory}"; the former one is untouched`,
      {
        hint: "free space and run it again",
        cause: error,
      },
    );
  }
  // Only system errors have both; anything else is no matter of the disk.
  const { syscall } = error as NodeJS.ErrnoException;
  if (code === "" || syscall === undefined) return error;
  return new PgSnapshotError("STORE_UNWRITABLE", `"${directory}" cannot be written (${code}: ${syscall})`, {
    hint: `${unwritableFixes[code] ?? "look at the file system there"}, or name another snapshot directory`,
    cause: error,
  });
}

const rights = "give yourself the right to write there";
const noFolder = "remove the file that is in the folder's place";
const unwritableFixes: Readonly<Record<string, string>> = {
  EACCES: rights,
  EPERM: rights,
  EROFS: "mount the file system for writing",
  EEXIST: noFolder,
  ENOTDIR: noFolder,
};
