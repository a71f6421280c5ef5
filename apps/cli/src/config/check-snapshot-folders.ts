import { relative, resolve, sep } from "node:path";
import { CliError } from "../cli-error.ts";
import { rootInput } from "../target/target-key.ts";
import type { ParsedConfig, TargetConfig } from "./config-schema.ts";

/**
 * Refuses a snapshot that would be among the inputs of its own target: each save would change the inputs, and so
 * outdate what it has just saved.
 *
 * @throws {CliError} `CONFIG_INVALID`
 * @throws {FingerprintError} `ROOT_INVALID`, `FILE_UNREADABLE`
 */
export async function checkSnapshotFolders(
  file: string,
  directory: string,
  { targets }: ParsedConfig,
): Promise<void> {
  for (const [name, target] of Object.entries(targets)) {
    const input = await inputWithSnapshot(directory, name, target);
    if (input === undefined) continue;
    const folder = target.snapshot?.directory ?? "";
    throw new CliError(
      "CONFIG_INVALID",
      `"${file}" is not right:\n  targets.${name}.snapshot.directory: "${folder}" lies in the input "${input}", so that each save would outdate itself`,
      { hint: `name a folder outside of the inputs, or leave it out of "${input}" by its exclude` },
    );
  }
}

/** Name of the input that would have the files of the target's snapshot. */
async function inputWithSnapshot(
  directory: string,
  name: string,
  { inputs, snapshot }: TargetConfig,
): Promise<string | undefined> {
  if (!snapshot) return undefined;
  const folder = resolve(directory, snapshot.directory);
  // The store's own folder for the target: this very name when it is a plain one.
  const place = /^[\w-]+$/.test(name) ? name : "target";
  for (const [key, input] of Object.entries(inputs)) {
    const root = rootInput(directory, input);
    // Most are told apart without loading what reads globs.
    const below = relative(root.path, folder);
    if (below === ".." || below.startsWith(`..${sep}`)) continue;
    const { rootSelects } = await import("@headstart/fingerprint");
    for (const saved of ["fingerprint.json", "0123456789abcdef.pgdump"]) {
      if (await rootSelects(root, resolve(folder, place, saved))) return key;
    }
  }
  return undefined;
}
