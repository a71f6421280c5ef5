import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";

/**
 * Where things of one project are kept that can be made again: beside its dependencies, so that they go with
 * the checkout; where there are none, or `HEADSTART_CACHE` names another place, in a folder of the user's cache.
 */
export async function projectCache(
  directory: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const modules = join(directory, "node_modules");
  if (!environment["HEADSTART_CACHE"] && existsSync(modules)) return join(modules, ".cache", "headstart");
  const { cacheDirectory } = await import("@headstart/pg-snapshot/snapshots");
  return join(cacheDirectory(environment), "projects", shortHash(directory));
}

/** A name for a file that belongs to any text of any length. */
export function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
