import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { WorkerError } from "../worker-error.ts";

const configFileNames = ["ts", "js", "mjs"].map((extension) => `headstart-worker.config.${extension}`);

/**
 * The configuration file in `start` or the nearest folder above it.
 *
 * @throws WorkerError `CONFIG_MISSING`; `CONFIG_AMBIGUOUS` when a folder has several
 */
export function findConfig(start: string): string {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    const [file, other] = configFileNames
      .map((name) => join(folder, name))
      .filter((path) => existsSync(path));
    if (other !== undefined) {
      throw new WorkerError("CONFIG_AMBIGUOUS", `"${file}" and "${other}" are both there.`, {
        hint: "Keep one of them, or choose with --config.",
      });
    }
    if (file !== undefined) return file;
    if (dirname(folder) !== folder) continue;
    const json = join(resolve(start), "headstart-worker.config.json");
    const unread = existsSync(json) ? ` "${json}" is not read: JSON can hold no projector.` : "";
    throw new WorkerError(
      "CONFIG_MISSING",
      `No headstart-worker.config.ts in "${start}" or a folder above it.${unread}`,
      {
        hint: "Write one, or name it with --config; the README of @headstart/worker has an example.",
      },
    );
  }
}
