import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { dumpSuffix } from "./snapshot-manifest.ts";

/** A rule for dumps, whatever it says: who wrote one has decided, for example for Git LFS. */
const ruleForDumps = new RegExp(`^[ \\t]*[^#\\s]*\\${dumpSuffix}["\\s]`, "m");

/**
 * Tells Git, where `root` lies in a work tree, that dumps are no text: not to be diffed, merged or given other
 * line ends. Nothing is written where a `.gitattributes` between here and the top of the work tree has a rule
 * for dumps already; what else the file holds is kept.
 */
export async function markDumpsAsBinary(root: string, mark: string): Promise<void> {
  const folders = await workTreeAbove(root);
  if (folders.length === 0) return;
  const texts = await Promise.all(folders.map((folder) => readText(join(folder, ".gitattributes"))));
  const [own] = texts;
  if (own === undefined || texts.some((text) => ruleForDumps.test(text ?? ""))) return;
  const separator = own === "" || own.endsWith("\n") ? "" : "\n";
  const aside = join(root, `.new-${mark}.gitattributes`);
  try {
    await writeFile(aside, `${own}${separator}*${dumpSuffix} binary\n`, { flag: "wx" });
    await rename(aside, join(root, ".gitattributes"));
  } finally {
    await rm(aside, { force: true });
  }
}

/** `root` and the folders above it up to the one that has `.git`; none when there is no such folder. */
async function workTreeAbove(root: string): Promise<string[]> {
  const folders: string[] = [];
  for (let folder = root; ; folder = dirname(folder)) {
    folders.push(folder);
    // In a linked work tree or a submodule it is a file.
    if (await stat(join(folder, ".git")).catch(() => undefined)) return folders;
    if (dirname(folder) === folder) return [];
  }
}

/** A file that cannot be read has no rule for us; the folder's own is then left as it is. */
async function readText(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) =>
    error.code === "ENOENT" ? "" : undefined,
  );
}
