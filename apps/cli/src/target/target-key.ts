import { join } from "node:path";
import type { Fingerprint, RootInput } from "@headstart/fingerprint";
import type { TargetConfig } from "../config/config-schema.ts";

export interface TargetKeyOptions {
  readonly name: string;
  readonly target: TargetConfig;
  /** Folder of the configuration file. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The one key of all tiers: the declared inputs, the version, the build's command or source, the strip rules,
 * and the values of the declared variables. Nothing else around can change it.
 *
 * @throws {FingerprintError}
 */
export async function targetKey({
  name,
  target,
  directory,
  environment,
  signal,
}: TargetKeyOptions): Promise<Fingerprint> {
  const { fingerprint } = await import("@headstart/fingerprint");
  const roots = Object.entries(target.inputs).map(
    ([root, input]) => [root, toRoot(directory, input)] as const,
  );
  const variables = target.environment.map((variable) => {
    const value = environment[variable];
    // Set to nothing and not set are two things to a program.
    return [`env/${variable}`, value === undefined ? "unset" : `=${value}`] as const;
  });
  return await fingerprint({
    roots: Object.fromEntries(roots),
    inputs: {
      target: name,
      version: String(target.version),
      build:
        typeof target.build === "function" ? target.build.toString() : JSON.stringify(target.build.command),
      strip: JSON.stringify(target.strip),
      ...Object.fromEntries(variables),
    },
    cacheFile: join(
      directory,
      "node_modules",
      ".cache",
      "headstart",
      `${encodeURIComponent(name).slice(0, 100)}.stat`,
    ),
    signal,
  });
}

type InputConfig = TargetConfig["inputs"][string];

function toRoot(directory: string, input: InputConfig): RootInput {
  const root = typeof input === "string" ? { path: input } : input;
  return { ...root, path: join(directory, root.path) };
}
