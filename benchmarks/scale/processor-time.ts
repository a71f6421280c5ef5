import { readdirSync, readFileSync } from "node:fs";

interface Process {
  readonly parent: number;
  /** Milliseconds on a processor, of itself and of the children it has waited for. */
  readonly own: number;
  readonly waited: number;
}

/** Linux counts in hundredths of a second there: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const tickMs = 10;

function processes(): Map<number, Process> {
  const found = new Map<number, Process>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const [, rest = ""] = readFileSync(`/proc/${name}/stat`, "utf8").split(/\) (?!.*\) )/);
      const fields = rest.split(" ").map(Number);
      const [user = 0, system = 0, waitedUser = 0, waitedSystem = 0] = fields.slice(11, 15);
      const parent = fields[1] ?? 0;
      const own = (user + system) * tickMs;
      found.set(Number(name), { parent, own, waited: (waitedUser + waitedSystem) * tickMs });
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

/** Milliseconds that the descendants of a process have spent, but for the family of `except`. */
export function descendantsMs(root: number, except?: number): number {
  const all = processes();
  const belongs = (pid: number): boolean => {
    for (let at = pid; at > 1; at = all.get(at)?.parent ?? 0) {
      if (at === except) return false;
      if (at === root) return true;
    }
    return false;
  };
  let total = 0;
  for (const [pid, { own, waited }] of all) {
    if (!belongs(pid)) continue;
    total += waited + (pid === root ? 0 : own);
  }
  return total;
}
