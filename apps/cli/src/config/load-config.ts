import { dirname, resolve } from "node:path";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command-context.ts";
import { checkSnapshotFolders } from "./check-snapshot-folders.ts";
import type { ParsedConfig } from "./config-schema.ts";
import { findConfig } from "./find-config.ts";

/** A configuration that was found and checked. */
export interface LoadedConfig {
  readonly file: string;
  /** Folder of the file; paths in it are relative to this one. */
  readonly directory: string;
  readonly config: ParsedConfig;
}

/**
 * Finds the configuration in the present folder or above it, and checks it.
 *
 * @throws {CliError} `CONFIG_MISSING`, `CONFIG_AMBIGUOUS`; `CONFIG_INVALID` naming every wrong key and what was
 * expected there; `CONFIG_ENVIRONMENT`
 */
export async function loadConfig({
  cwd,
  configFile,
}: Pick<CommandContext, "cwd" | "configFile">): Promise<LoadedConfig> {
  const file = configFile === undefined ? findConfig(cwd) : resolve(cwd, configFile);
  const [{ configSchema }, { readConfig }, { explainIssues }] = await Promise.all([
    import("./config-schema.ts"),
    import("./read-config.ts"),
    import("./explain-issues.ts"),
  ]);
  const read = await readConfig(file);
  const { value } = read;
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) {
    const problems = explainIssues(configSchema, parsed.error, value).map((line) => `  ${line}`);
    throw new CliError("CONFIG_INVALID", `"${file}" is not right:\n${problems.join("\n")}`, {
      hint: "the README of @headstart/cli explains every key",
    });
  }
  if (read.variables.size > 0) {
    const { checkEnvironment } = await import("./check-environment.ts");
    await checkEnvironment(file, parsed.data, read);
  }
  const directory = dirname(file);
  await checkSnapshotFolders(file, directory, parsed.data);
  return { file, directory, config: withAbsolutePaths(parsed.data, directory) };
}

/** For commands that are about a server: without a configuration the defaults hold. */
export async function loadConfigIfAny(context: CommandContext): Promise<LoadedConfig | undefined> {
  try {
    return await loadConfig(context);
  } catch (error) {
    const absent = error instanceof CliError && error.code === "CONFIG_MISSING";
    if (absent && context.configFile === undefined) return undefined;
    throw error;
  }
}

/** The server's paths; those of the targets stay as they are written, for they are shown. */
function withAbsolutePaths(config: ParsedConfig, directory: string): ParsedConfig {
  const { embedded, tools, ...server } = config.server;
  const absolute = <T extends object>(settings: T, keys: readonly (keyof T)[]): T => {
    const given = keys.filter((key) => settings[key] !== undefined);
    return {
      ...settings,
      ...Object.fromEntries(given.map((key) => [key, resolve(directory, String(settings[key]))])),
    };
  };
  return {
    ...config,
    server: {
      ...server,
      ...(embedded && { embedded: absolute(embedded, ["directory", "binaries"]) }),
      ...(tools && { tools: absolute(tools, ["directory"]) }),
    },
  };
}
