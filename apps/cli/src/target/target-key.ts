import { join, resolve } from "node:path";
import type { Fingerprint, RootInput } from "@headstart/fingerprint";
import type { CommandContext } from "../command-context.ts";
import type { ConfiguredTarget } from "../config/choose-targets.ts";
import type { TargetConfig } from "../config/config-schema.ts";
import { projectCache, shortHash } from "./project-cache.ts";

/**
 * The one key of all tiers: the declared inputs, the version, the build's command or source, the strip rules,
 * the requirements, and the values of the declared variables. Nothing else around can change it.
 *
 * @throws {FingerprintError}
 */
export async function targetKey(
  { name, target, directory }: ConfiguredTarget,
  { environment, signal, onProgress }: TargetKeyOptions,
): Promise<Fingerprint> {
  const { fingerprint } = await import("@headstart/fingerprint");
  const roots = Object.entries(target.inputs).map(([root, input]) => [root, rootInput(directory, input)]);
  const cache = await projectCache(directory, environment);
  return await fingerprint({
    roots: Object.fromEntries(roots) as Record<string, RootInput>,
    inputs: {
      target: name,
      version: String(target.version),
      build: buildText(target.build),
      strip: JSON.stringify(target.strip),
      require: JSON.stringify(target.require),
      ...declaredVariables(target.environment, environment),
    },
    cacheFile: join(cache, `${shortHash(name)}.stat`),
    signal,
    onProgress,
  });
}

export interface TargetKeyOptions extends Pick<CommandContext, "environment"> {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: { readonly files: number; readonly total: number }) => void) | undefined;
}

/** An input of the configuration with an absolute path. */
export function rootInput(directory: string, input: TargetConfig["inputs"][string]): RootInput {
  const root = typeof input === "string" ? { path: input } : input;
  return { ...root, path: resolve(directory, root.path) };
}

/** A command is what it says; a function is its source, as far as it shows: what it imports has to be an input. */
function buildText(build: TargetConfig["build"]): string {
  return typeof build === "function" ? build.toString() : JSON.stringify(build.command);
}

/** Set to nothing and not set are two things to a program. Only hashes of these texts enter the manifest. */
function declaredVariables(
  names: readonly string[],
  environment: CommandContext["environment"],
): Record<string, string> {
  const entries = names.map((name) => {
    const value = environment[name];
    return [`env/${name}`, value === undefined ? "unset" : `=${value}`] as const;
  });
  return Object.fromEntries(entries);
}
