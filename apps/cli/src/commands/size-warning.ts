import { resolve } from "node:path";
import type { SnapshotManifest } from "@headstart/pg-snapshot";
import type { ConfiguredTarget } from "../config/choose-targets.ts";
import { formatBytes } from "../output/format.ts";

/** What to say of a dump that is too large to be committed as it is; nothing where Git LFS takes care of it. */
export async function sizeWarning(
  { target, directory }: ConfiguredTarget,
  { dump }: SnapshotManifest,
): Promise<string[]> {
  const { snapshot } = target;
  if (!snapshot || dump.bytes <= snapshot.warnAboveBytes) return [];
  if (await isInLfs(resolve(directory, snapshot.directory))) return [];
  const pattern = `${snapshot.directory.replace(/\/$/, "")}/**/*.pgdump`;
  return [
    `the dump has ${formatBytes(dump.bytes)}, over the limit of ${formatBytes(snapshot.warnAboveBytes)}: each version of it stays in the repository for ever. Strip what can be made again, or: git lfs track "${pattern}"`,
  ];
}

async function isInLfs(folder: string): Promise<boolean> {
  const { execa } = await import("execa");
  const { stdout } = await execa("git", ["check-attr", "filter", "--", "x.pgdump"], {
    cwd: folder,
    reject: false,
    stdin: "ignore",
  });
  return stdout?.endsWith(": lfs") ?? false;
}
