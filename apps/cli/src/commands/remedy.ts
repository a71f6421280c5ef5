import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { SnapshotCheck, SnapshotManifest } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import type { ConfiguredTarget } from "../config/choose-targets.ts";
import { formatDuration } from "../output/format.ts";
import { commandLine, quoteForShell } from "../output/quote-for-shell.ts";

/** How somebody who never worked here gets a fresh snapshot. */
export interface Remedy {
  readonly why: string;
  /** Absolute folder to run the commands in. */
  readonly directory: string;
  /** The same folder as seen from the repository's root. */
  readonly place: string;
  readonly commands: readonly string[];
  /** What the commands need and how long they take, in sentences. */
  readonly needs: readonly string[];
}

/** The commands that make a snapshot fresh that is not, and what they need. */
export function remedy(
  { name, target, directory }: ConfiguredTarget,
  { cwd, configFile }: CommandContext,
  check: Exclude<SnapshotCheck, { status: "fresh" }>,
): Remedy {
  const folder = target.snapshot?.directory ?? "";
  const where = { directory, place: relative(repositoryRoot(directory), directory) || "." };
  if (check.status === "torn" && check.fetch !== undefined) {
    return {
      ...where,
      why: "The file is kept in Git LFS and was not fetched. Fetch it:",
      commands: [check.fetch],
      needs: ["This needs git-lfs (https://git-lfs.com)."],
    };
  }
  const options = ["--update-snapshot"];
  if (configFile !== undefined) {
    options.push("--config", quoteForShell(relative(directory, resolve(cwd, configFile))));
  }
  const refresh = `${runner(directory)} prepare ${commandLine([name], options)}`;
  const commit = `Then commit ${folder}.`;
  const damaged = check.status === "torn" || check.status === "corrupt";
  return {
    ...where,
    why: damaged
      ? `Perhaps this checkout alone is damaged; then \`git checkout -- ${quoteForShell(folder)}\` mends it. If not, make it anew:`
      : "Tests and tools start from this snapshot, so it has to match its inputs. Make it anew:",
    commands: [refresh],
    needs: [...needs(check.status === "stale" ? check.manifest : undefined), commit],
  };
}

function needs(manifest: SnapshotManifest | undefined): string[] {
  const lines = [
    "It needs pg_dump and a Postgres server: the one that DATABASE_URL names, or else one that is",
    "started from an installation on this machine. `headstart doctor` tells what is there.",
  ];
  if (manifest === undefined) return lines;
  const { buildMs, serverVersion, pgDumpVersion } = manifest;
  const took = buildMs === null ? "it was made" : `the build took ${formatDuration(buildMs)}`;
  return [...lines, `The last time ${took}, on Postgres ${serverVersion} with pg_dump ${pgDumpVersion}.`];
}

/** How this project runs programs of its dependencies. */
function runner(directory: string): string {
  const byLockFile = {
    "pnpm-lock.yaml": "pnpm exec headstart",
    "yarn.lock": "yarn headstart",
    "bun.lock": "bunx headstart",
    "package-lock.json": "npx headstart",
  };
  for (let folder = directory; ; folder = dirname(folder)) {
    const found = Object.entries(byLockFile).find(([file]) => existsSync(join(folder, file)));
    if (found) return found[1];
    if (dirname(folder) === folder) return "npx headstart";
  }
}

/** The folder that holds `.git`; the given one where there is none. */
export function repositoryRoot(directory: string): string {
  for (let folder = directory; ; folder = dirname(folder)) {
    if (existsSync(join(folder, ".git"))) return folder;
    if (dirname(folder) === folder) return directory;
  }
}
