import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CliError } from "../cli-error.ts";

export const configFileNames = ["ts", "js", "mjs", "json"].map(
  (extension) => `headstart.config.${extension}`,
);

/**
 * The configuration file in `start` or the nearest folder above it.
 *
 * @throws {CliError} `CONFIG_MISSING`; `CONFIG_AMBIGUOUS` when a folder has several
 */
export function findConfig(start: string): string {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    const [file, other] = configFileNames
      .map((name) => join(folder, name))
      .filter((path) => existsSync(path));
    if (other !== undefined) {
      throw new CliError("CONFIG_AMBIGUOUS", `"${file}" and "${other}" are both there`, {
        hint: "keep one of them, or choose with --config",
      });
    }
    if (file !== undefined) return file;
    if (dirname(folder) !== folder) continue;
    throw new CliError("CONFIG_MISSING", `no headstart.config.ts in "${start}" or a folder above it`, {
      hint: "make one: headstart init",
    });
  }
}
