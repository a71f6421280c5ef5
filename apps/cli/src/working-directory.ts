import { CliError } from "./cli-error.ts";

/**
 * The folder that the command was called in.
 *
 * @throws {CliError} `CONFIG_MISSING` when it was removed meanwhile
 */
export function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (cause) {
    throw new CliError("CONFIG_MISSING", "the present folder does not exist any more", {
      hint: 'go to where it is now: cd "$PWD", or to another folder',
      cause,
    });
  }
}
