import { createRequire } from "node:module";
import { CommanderError } from "commander";
import pc from "picocolors";
import { CliError } from "./cli-error.ts";
import type { CommandContext } from "./command-context.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import { progressLine } from "./output/progress-line.ts";
import { createProgram, type Run } from "./program.ts";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

const controller = new AbortController();
for (const [signal, exitCode] of [
  ["SIGINT", exitCodes.interrupted],
  ["SIGTERM", exitCodes.terminated],
] as const) {
  // The second one is not caught: who asks twice means it.
  process.once(signal, () => {
    controller.abort(
      new CliError("INTERRUPTED", `stopped by ${signal}; nothing half-made is left`, { exitCode }),
    );
  });
}

const wantsJson = process.argv.includes("--json");
const configFile = optionValue(process.argv, ["-c", "--config"]);

const run: Run = async (work) => {
  const progress = progressLine(process.stderr);
  const context: CommandContext = {
    cwd: process.cwd(),
    configFile,
    environment: process.env,
    signal: controller.signal,
    progress,
    colors: pc.createColors(pc.isColorSupported && process.stdout.isTTY && !wantsJson),
  };
  const result = await work(context).finally(() => progress[Symbol.dispose]());
  process.stdout.write(wantsJson ? `${JSON.stringify(result.json, null, 2)}\n` : `${result.text}\n`);
  process.exitCode = result.exitCode ?? exitCodes.ok;
};

try {
  const program = createProgram(run, version);
  for (const command of [
    program,
    ...program.commands,
    ...program.commands.flatMap(({ commands }) => commands),
  ]) {
    command.exitOverride();
    if (wantsJson) command.configureOutput({ writeErr: () => undefined });
  }
  await program.parseAsync();
} catch (error) {
  report(error);
}

function report(error: unknown): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (wantsJson && error.exitCode !== 0) printJson("USAGE", error.message, undefined);
    return;
  }
  const { code, message, hint, stack } = error as {
    code?: unknown;
    message?: string;
    hint?: string;
    stack?: string;
  };
  const known = error instanceof Error && typeof code === "string" && "hint" in error;
  process.exitCode = error instanceof CliError ? error.exitCode : exitCodeOf(known ? code : undefined);
  const text = known ? (message ?? "") : (stack ?? String(error));
  if (wantsJson) {
    printJson(known ? code : "UNEXPECTED", message ?? String(error), hint);
    return;
  }
  const colors = pc.createColors(pc.isColorSupported && process.stderr.isTTY);
  process.stderr.write(`${colors.red("error")} ${text}\n`);
  if (hint !== undefined) process.stderr.write(`${colors.bold("fix")}   ${hint}\n`);
}

function printJson(code: string, message: string, hint: string | undefined): void {
  process.stdout.write(`${JSON.stringify({ error: { code, message, hint } }, null, 2)}\n`);
}

/** Codes of pg-snapshot and fingerprint by what kind of trouble they are. */
function exitCodeOf(code: string | undefined): ExitCode {
  const environment = [
    "SERVER_UNREACHABLE",
    "AUTHENTICATION_FAILED",
    "CONNECTION_SETTINGS_INVALID",
    "PERMISSION_DENIED",
    "TOO_MANY_CONNECTIONS",
    "DISK_FULL",
    "TOOL_MISSING",
    "TOOL_TOO_OLD",
    "POSTGRES_MISSING",
    "SERVER_START_FAILED",
    "EXTENSION_MISSING",
    "STORE_UNWRITABLE",
  ];
  const negative = [
    "TEMPLATE_ABSENT",
    "SNAPSHOT_MISSING",
    "SNAPSHOT_STALE",
    "SNAPSHOT_TORN",
    "SNAPSHOT_CORRUPT",
  ];
  const config = ["ROOT_MISSING", "ROOT_INVALID", "NOTHING_SELECTED", "STORE_READ_ONLY"];
  if (code === undefined) return exitCodes.failed;
  if (environment.includes(code)) return exitCodes.environment;
  if (negative.includes(code)) return exitCodes.negative;
  return config.includes(code) ? exitCodes.config : exitCodes.failed;
}

/** Options may stand before or after the command; commander keeps the two apart. */
function optionValue(args: readonly string[], names: readonly string[]): string | undefined {
  for (const [index, argument] of args.entries()) {
    if (argument === "--") return undefined;
    if (names.includes(argument)) return args[index + 1];
    const inline = names.find((name) => name.startsWith("--") && argument.startsWith(`${name}=`));
    if (inline !== undefined) return argument.slice(inline.length + 1);
  }
  return undefined;
}
