import { type Dirent, readdirSync } from "node:fs";
import { type ByteString, bytesOf, systemPath } from "./byte-string.ts";
import { readError } from "./read-error.ts";

export interface FolderEntry {
  readonly name: ByteString;
  readonly kind: "file" | "folder" | "link" | "special";
}

/** What lies in a folder, in no order, with names as they are on disk. */
export function readFolder(absolute: ByteString): FolderEntry[] {
  const path = systemPath(absolute);
  try {
    if (typeof path === "string") {
      const entries = readdirSync(path, { withFileTypes: true });
      // The mark that Node puts in the place of bytes that are no UTF-8.
      if (!entries.some(({ name }) => name.includes("\ufffd"))) {
        return entries.map((entry) => ({ name: bytesOf(entry.name), kind: kindOf(entry) }));
      }
    }
    return readdirSync(path, { withFileTypes: true, encoding: "buffer" }).map((entry) => ({
      name: entry.name.toString("latin1"),
      kind: kindOf(entry),
    }));
  } catch (cause) {
    throw readError(absolute, cause);
  }
}

function kindOf(entry: Pick<Dirent, "isFile" | "isDirectory" | "isSymbolicLink">): FolderEntry["kind"] {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "folder";
  return entry.isSymbolicLink() ? "link" : "special";
}
