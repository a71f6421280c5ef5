import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "vitest";

/** Where packages put programs that are not on everybody's `PATH`. */
const elsewhere: Readonly<Record<string, readonly string[]>> = {
  // Debian's program on the `PATH` changes to another user, and to one node per machine.
  "rabbitmq-server": [
    "/usr/lib/rabbitmq/bin",
    "/opt/homebrew/opt/rabbitmq/sbin",
    "/usr/local/opt/rabbitmq/sbin",
  ],
  pgbouncer: ["/usr/sbin", "/opt/homebrew/bin"],
  rabbitmqctl: ["/usr/lib/rabbitmq/bin", "/opt/homebrew/opt/rabbitmq/sbin", "/usr/local/opt/rabbitmq/sbin"],
};

/** How to install what a test needs. */
const remedies: Readonly<Record<string, string>> = {
  "rabbitmq-server": "apt install rabbitmq-server",
  chromium: "apt install chromium",
  pgbouncer: "apt install pgbouncer",
  ip: "apt install iproute2",
};

/** @returns the path of a program, or undefined when this machine has none */
export function findProgram(program: string): string | undefined {
  const folders = [...(elsewhere[program] ?? []), ...(process.env["PATH"] ?? "").split(delimiter)];
  return folders
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

/**
 * `test`, for tests that need a program: where it is missing they are skipped and say why, and with HEADSTART_NO_SKIPS=1
 * they fail instead, so that nobody takes a run without them for a whole one.
 */
export function requires(program: string): typeof test {
  if (findProgram(program) !== undefined) return test;
  const remedy = remedies[program] ?? `install ${program}`;
  const reason = `${program} is not installed: ${remedy}`;
  const missing = (name: string): void => {
    if (process.env["HEADSTART_NO_SKIPS"] === "1") {
      test(name, () => {
        throw new Error(`${reason}. HEADSTART_NO_SKIPS=1 lets nothing be skipped.`);
      });
    } else {
      test(name, ({ skip }) => skip(reason));
    }
  };
  return missing as typeof test;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
