import { createHash } from "node:crypto";
import { readlinkSync } from "node:fs";
import { hostname } from "node:os";

/**
 * Tells apart, in eight hexadecimal digits, the places where one number is one process: machines, and containers
 * with process numbers of their own, which may have a name in common.
 */
export function pidSpace(): string {
  return createHash("sha256").update(`${hostname()} ${namespace()}`).digest("hex").slice(0, 8);
}

/** Linux only: https://man7.org/linux/man-pages/man7/pid_namespaces.7.html */
function namespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

/** Milliseconds that the clock of a file server may be behind ours. */
const clockSlackMs = 60_000;

/** Whether a file with our process number, last written at `mtimeMs`, is ours and not of one that had it before. */
export function isFromThisRun(mtimeMs: number): boolean {
  return mtimeMs >= Date.now() - process.uptime() * 1000 - clockSlackMs;
}
