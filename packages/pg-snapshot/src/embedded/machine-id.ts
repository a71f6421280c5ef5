import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { startProgram } from "../start-program.ts";

/** What tells this machine from others, as well as it can be told: the platform's own id of it, else its name. */
export async function machineId(): Promise<string> {
  const id = (await platformId()) || hostname();
  // https://www.freedesktop.org/software/systemd/man/latest/machine-id.html: it is not to be shown as it is.
  return createHash("sha256").update(`headstart ${id}`).digest("hex").slice(0, 16);
}

async function platformId(): Promise<string | undefined> {
  if (process.platform === "linux") {
    return (await readFile("/etc/machine-id", "utf8").catch(() => undefined))?.trim();
  }
  if (process.platform !== "darwin") return undefined;
  const { stdout } = await startProgram("ioreg", ["-rd1", "-c", "IOPlatformExpertDevice"], { reject: false });
  return /"IOPlatformUUID" = "([^"]+)"/.exec(stdout ?? "")?.[1];
}
