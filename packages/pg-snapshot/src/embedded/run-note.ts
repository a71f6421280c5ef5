import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bootId } from "./boot-id.ts";
import { machineId } from "./machine-id.ts";
import { readPidFile } from "./postmaster.ts";

const noteFile = "headstart-boot-id";

/** Notes which run of which machine a server is started in. To be called before it starts. */
export async function noteRun(dataDirectory: string): Promise<void> {
  await writeFile(join(dataDirectory, noteFile), `${(await bootId()) ?? ""}\n${await machineId()}`);
}

/**
 * What became of the last server of a data directory: `settled`, where it shut down or ran since this machine's
 * start; `cut-off`, where this machine was started anew under it; `elsewhere`, where another machine that shares
 * the directory has it, or had it and did not shut it down.
 */
export async function fateOfServer(dataDirectory: string): Promise<"settled" | "cut-off" | "elsewhere"> {
  if ((await readPidFile(dataDirectory)) === undefined) return "settled";
  const note = await readFile(join(dataDirectory, noteFile), "utf8").catch(() => "");
  const [boot = "", machine = ""] = note.split("\n");
  const now = await bootId();
  // Who has the same kernel running is this machine, or a container on it.
  if (boot === "" || now === undefined || boot === now) return "settled";
  return machine === "" || machine === (await machineId()) ? "cut-off" : "elsewhere";
}
