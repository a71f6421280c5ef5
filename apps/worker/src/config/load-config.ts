import { dirname, resolve } from "node:path";
import { WorkerError } from "../worker-error.ts";
import { configSchema, type WorkerConfig } from "./config-schema.ts";
import { overrideByEnvironment, type Environment } from "./environment-overrides.ts";
import { evaluateConfig } from "./evaluate-config.ts";
import { explainIssues } from "./explain-issues.ts";
import { findConfig } from "./find-config.ts";

export interface LoadOptions {
  /** Where the search begins. Default: the current folder. */
  readonly cwd?: string | undefined;
  /** The file, instead of the search. */
  readonly configFile?: string | undefined;
  /** Default: the process's. */
  readonly environment?: Environment | undefined;
}

/** A configuration that was found, overridden by the environment, and checked. */
export interface LoadedConfig {
  readonly file: string;
  /** Paths are absolute. */
  readonly config: WorkerConfig;
}

/**
 * Finds the worker's configuration and checks it. No secret is read.
 *
 * @throws WorkerError `CONFIG_MISSING`, `CONFIG_AMBIGUOUS`; `CONFIG_INVALID` naming every wrong key
 */
export async function loadConfig({
  cwd = process.cwd(),
  configFile,
  environment = process.env,
}: LoadOptions = {}): Promise<LoadedConfig> {
  const file = configFile === undefined ? findConfig(cwd) : resolve(cwd, configFile);
  const value = overrideByEnvironment(await evaluateConfig(file), environment);
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) {
    const problems = explainIssues(parsed.error, value).map((line) => `  ${line}`);
    throw new WorkerError("CONFIG_INVALID", `"${file}" is not right:\n${problems.join("\n")}`, {
      hint: "The README of @headstart/worker explains every key.",
    });
  }
  const { mirrors } = parsed.data;
  const directory = resolve(dirname(file), mirrors.directory);
  return { file, config: { ...parsed.data, mirrors: { ...mirrors, directory } } };
}
