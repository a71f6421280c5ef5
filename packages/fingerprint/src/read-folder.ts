import { readdirSync } from "node:fs";
import { type ByteString, isAscii, systemPath } from "./byte-string.ts";
import { readError } from "./read-error.ts";

/** An entry as Node gives it, with a name as it is on disk. */
export interface FolderEntry {
  readonly name: ByteString;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/** What lies in a folder, in no order. */
export function readFolder(absolute: ByteString): FolderEntry[] {
  const path = systemPath(absolute);
  try {
    if (typeof path === "string") {
      const entries = readdirSync(path, { withFileTypes: true });
      if (entries.every(({ name }) => isAscii(name))) return entries;
    }
    return readdirSync(path, { withFileTypes: true, encoding: "buffer" }).map((entry) => ({
      name: entry.name.toString("latin1"),
      isFile: () => entry.isFile(),
      isDirectory: () => entry.isDirectory(),
      isSymbolicLink: () => entry.isSymbolicLink(),
    }));
  } catch (cause) {
    throw readError(absolute, cause);
  }
}
