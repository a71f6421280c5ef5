import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { z } from "zod";
import { CliError } from "../cli-error.ts";
import type { ParsedConfig, TargetConfig } from "./config-schema.ts";

/** A configuration that was found and checked. */
export interface LoadedConfig {
  readonly file: string;
  /** Folder of the file; paths in it are relative to this one. */
  readonly directory: string;
  readonly config: ParsedConfig;
}

export const configFileNames = ["ts", "mts", "js", "mjs", "json"].map(
  (extension) => `headstart.config.${extension}`,
);

/**
 * Finds the configuration in `start` or above it, and checks it.
 *
 * @throws {CliError} `CONFIG_MISSING`; `CONFIG_INVALID` naming every wrong key and what was expected there
 */
export async function loadConfig(start: string, given?: string): Promise<LoadedConfig> {
  const file = given === undefined ? findUpwards(start) : resolve(start, given);
  if (file === undefined || !existsSync(file)) {
    const where = given === undefined ? `in "${start}" or a folder above it` : `at "${file}"`;
    throw new CliError("CONFIG_MISSING", `no headstart.config.ts ${where}`, {
      hint: "make one: headstart init",
    });
  }
  const [{ configSchema }, value] = await Promise.all([import("./config-schema.ts"), readConfig(file)]);
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap(flatten).map(({ path, message }) => `  ${path}: ${message}`);
    throw new CliError("CONFIG_INVALID", `"${file}" is not right:\n${problems.join("\n")}`, {
      hint: "the README of @headstart/cli lists every key",
    });
  }
  return { file, directory: dirname(file), config: parsed.data };
}

/**
 * The targets a command is about: the named ones, or all.
 *
 * @throws {CliError} `TARGET_UNKNOWN`
 */
export function chooseTargets(
  { config, file }: LoadedConfig,
  names: readonly string[],
): [string, TargetConfig][] {
  const all = Object.entries(config.targets);
  if (names.length === 0) return all;
  return names.map((name) => {
    // Own keys only: "constructor" is no target.
    const found = all.find(([key]) => key === name);
    if (found) return found;
    throw new CliError("TARGET_UNKNOWN", `no target "${name}" in "${file}"`, {
      hint: `it has: ${all.map(([key]) => key).join(", ")}`,
    });
  });
}

function findUpwards(start: string): string | undefined {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    const file = configFileNames.map((name) => join(folder, name)).find((path) => existsSync(path));
    if (file !== undefined) return file;
    if (dirname(folder) === folder) return undefined;
  }
}

async function readConfig(file: string): Promise<unknown> {
  try {
    if (file.endsWith(".json")) return JSON.parse(await readFile(file, "utf8")) as unknown;
    const { createJiti } = await import("jiti");
    return await createJiti(import.meta.url, { interopDefault: true }).import(file, { default: true });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new CliError("CONFIG_INVALID", `"${file}" cannot be loaded: ${message}`, { cause });
  }
}

interface Problem {
  readonly path: string;
  readonly message: string;
}

/** One line for each wrong key; of a union's branches, the one that fits best. */
function flatten(issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path.length === 0 ? "the whole file" : issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: [...issue.path, key].join("."), message: "no such key" }));
  }
  if (issue.code !== "invalid_union") return [{ path, message: issue.message }];
  const branches = issue.errors.map((issues) =>
    issues.flatMap((inner) => flatten({ ...inner, path: [...issue.path, ...inner.path] })),
  );
  const best = branches.filter((problems) => problems.every((problem) => problem.path !== path));
  return best[0] ?? [{ path, message: issue.message }];
}
