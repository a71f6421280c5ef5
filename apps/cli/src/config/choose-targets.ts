import { CliError } from "../cli-error.ts";
import { didYouMean } from "../suggest.ts";
import type { TargetConfig } from "./config-schema.ts";
import type { LoadedConfig } from "./load-config.ts";

/** A target of the configuration, and where its paths start. */
export interface ConfiguredTarget {
  readonly name: string;
  readonly target: TargetConfig;
  /** Folder of the configuration file. */
  readonly directory: string;
}

/**
 * The targets a command is about: the named ones, or all.
 *
 * @throws {CliError} `TARGET_UNKNOWN`
 */
export function chooseTargets(
  { config, file, directory }: LoadedConfig,
  names: readonly string[],
): ConfiguredTarget[] {
  const all = Object.entries(config.targets).map(([name, target]) => ({ name, target, directory }));
  if (names.length === 0) return all;
  return [...new Set(names)].map((name) => {
    const found = all.find((candidate) => candidate.name === name);
    if (found) return found;
    const known = all.map((candidate) => candidate.name);
    throw new CliError("TARGET_UNKNOWN", `no target "${name}" in "${file}"${didYouMean(name, known)}`, {
      hint: `it has: ${known.join(", ")}`,
    });
  });
}

/**
 * The one target a command is about: the named one, or the only one.
 *
 * @throws {CliError} `TARGET_UNKNOWN`, `USAGE`
 */
export function chooseTarget(loaded: LoadedConfig, name: string | undefined): ConfiguredTarget {
  const [first, ...others] = chooseTargets(loaded, name === undefined ? [] : [name]);
  if (first !== undefined && others.length === 0) return first;
  throw new CliError("USAGE", "there are several targets, and none was named", {
    hint: `name one of: ${Object.keys(loaded.config.targets).join(", ")}`,
  });
}
