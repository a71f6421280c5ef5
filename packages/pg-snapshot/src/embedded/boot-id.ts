import { readFile } from "node:fs/promises";
import { startProgram } from "../start-program.ts";

/** A text that changes with every start of the machine; `undefined` where the platform has none. */
export async function bootId(): Promise<string | undefined> {
  if (process.platform === "linux") {
    return (await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => undefined))?.trim();
  }
  if (process.platform !== "darwin") return undefined;
  const { stdout } = await startProgram("sysctl", ["-n", "kern.bootsessionuuid"], { reject: false });
  return stdout?.trim() || undefined;
}
