import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { CommandContext } from "../command-context.ts";
import { chooseTargets } from "../config/choose-targets.ts";
import type { TargetConfig } from "../config/config-schema.ts";
import { loadConfig } from "../config/load-config.ts";
import type { CommandResult } from "../output/command-result.ts";
import { rootInput } from "../target/target-key.ts";
import { repositoryRoot } from "./remedy.ts";

/**
 * The `turbo.json` of a package whose `lint` script is `headstart lint` of these targets: the task's inputs are
 * what the lint reads, so that turbo runs it again when, and only when, the answer may be another.
 */
export async function turboTaskCommand(
  context: CommandContext,
  names: readonly string[],
): Promise<CommandResult> {
  const loaded = await loadConfig(context);
  const { file, directory } = loaded;
  const places = findPlaces(directory);
  const inputs = [globStart(places, file)];
  // Which files a configuration brings in is not known; turbo's default is all that git tracks in the package.
  if (importsFiles(file)) inputs.unshift(trackedFiles);
  const env: string[] = [];
  for (const { target } of chooseTargets(loaded, names)) {
    for (const input of Object.values(target.inputs)) inputs.push(...inputGlobs(places, directory, input));
    if (target.snapshot)
      inputs.push(`${globStart(places, resolve(directory, target.snapshot.directory))}/**`);
    env.push(...target.environment);
  }
  const task = { inputs: [...new Set(inputs)], env: [...new Set(env)], outputs: [] };
  const document = { extends: ["//"], tasks: { lint: task } };
  return { json: document, text: JSON.stringify(document, null, 2) };
}

const trackedFiles = "$TURBO_DEFAULT$";

interface Places {
  /** Folder of the package's `package.json`, to which turbo's globs are relative. */
  readonly package: string;
  /** Folder that `$TURBO_ROOT$` stands for. */
  readonly root: string;
}

function findPlaces(directory: string): Places {
  const folder = nearestWith("package.json", directory) ?? directory;
  const above = nearestWith("turbo.json", dirname(folder));
  return { package: folder, root: above ?? repositoryRoot(folder) };
}

function nearestWith(name: string, start: string): string | undefined {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, name))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}

function importsFiles(file: string): boolean {
  return /\b(?:from|import|require)\s*\(?\s*["']\.{1,2}\//.test(readFileSync(file, "utf8"));
}

/** Globs for what an input selects, or for more where turbo's globs cannot say the same: never for less. */
function inputGlobs(places: Places, directory: string, input: TargetConfig["inputs"][string]): string[] {
  const { path, include = ["**"], exclude = [], gitignore } = rootInput(directory, input);
  const start = globStart(places, path);
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [start];
  if (gitignore && !start.startsWith("$")) return [trackedFiles];
  const below = (glob: string): string => (start === "" ? glob : `${start}/${glob}`);
  const selected = include.every(isPlain) ? include : ["**"];
  return [...selected.map(below), ...exclude.filter(isPlain).map((glob) => `!${below(glob)}`)];
}

/** Whether a glob means the same to turbo: no negation, no extended patterns, no escapes. */
function isPlain(glob: string): boolean {
  return !/^!|[()\\]/.test(glob);
}

/** A path as the literal start of a glob. */
function globStart({ package: folder, root }: Places, path: string): string {
  const inside = path === folder || path.startsWith(folder + sep);
  const below = relative(inside ? folder : root, path)
    .split(sep)
    .join("/")
    // One character of any kind: escapes are read in more than one way.
    .replace(/[*?[\]{}()!\\$]/g, "?");
  return inside ? below : `$TURBO_ROOT$/${below}`;
}
