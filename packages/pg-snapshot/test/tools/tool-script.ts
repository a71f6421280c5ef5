import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Tool } from "../../src/tools/find-tool.ts";

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "headstart-tools-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * A program of another version than the machine has, or one that behaves as no real one can be made to.
 *
 * @returns its path
 */
export async function writeScript(folder: string, name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

/** A tool that is the script `text`. */
export async function scriptTool(text: string): Promise<Tool> {
  const path = await writeScript(await temporaryFolder(), "pg_dump", text);
  return { name: "pg_dump", command: [path], major: 17, version: "17.1", prefixed: false };
}
