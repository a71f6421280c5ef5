import { CommanderError } from "commander";
import pc from "picocolors";
import type { Colors } from "picocolors/types.js";
import { CliError } from "../cli-error.ts";
import { exitCodeOf, exitCodes, isErrorCode, type ErrorCode, type ExitCode } from "../exit-codes.ts";
import type { CommandResult } from "./command-result.ts";
import { printableLines } from "./format.ts";
import { progressLine, type ProgressLine } from "./progress-line.ts";

export interface OutputStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface OutputOptions {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly json: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The one place that prints: answers to standard output, everything else to standard error. */
export interface Output {
  /** For text on standard output. */
  readonly colors: Colors;
  readonly progress: ProgressLine;
  result(result: CommandResult): ExitCode;
  failure(error: unknown): ExitCode;
  remark(text: string): void;
}

export function createOutput({ stdout, stderr, json, environment }: OutputOptions): Output {
  const colors = pc.createColors(!json && isColored(stdout, environment));
  const errorColors = pc.createColors(isColored(stderr, environment));
  const progress = progressLine(stderr);
  const tell = (text: string): void => {
    progress.clear();
    stderr.write(`${text}\n`);
  };
  const remark = (text: string): void => tell(printableLines(text));
  const document = (value: object): void => void stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  return {
    colors,
    progress,
    remark,
    result: (result) => {
      progress.clear();
      if (json) document(result.json);
      else {
        if (result.text !== "") stdout.write(`${result.text}\n`);
        for (const note of result.notes ?? []) remark(note);
      }
      return result.exitCode ?? exitCodes.ok;
    },
    failure: (error) => {
      const failure = describeFailure(error);
      if (failure === undefined) return exitCodes.ok;
      const { code, message, hint, exitCode, details } = failure;
      progress.clear();
      if (json) document({ error: { code, message, hint } });
      else if (!failure.printed) {
        const text = printableLines(details ?? message);
        tell(`${errorColors.red("error")} ${text} ${errorColors.dim(`[${code}]`)}`);
        if (hint !== undefined) tell(`${errorColors.bold("fix")}   ${printableLines(hint)}`);
      }
      return exitCode;
    },
  };
}

function isColored({ isTTY }: OutputStream, environment: OutputOptions["environment"]): boolean {
  // https://no-color.org: present and not empty, whatever its value.
  return isTTY === true && !environment["NO_COLOR"] && environment["TERM"] !== "dumb";
}

interface Failure {
  readonly code: ErrorCode | "UNEXPECTED";
  readonly message: string;
  readonly hint?: string | undefined;
  readonly exitCode: ExitCode;
  /** More than the message, for people. */
  readonly details?: string | undefined;
  /** Commander has told people already. */
  readonly printed?: boolean | undefined;
}

/** `undefined` for what is no failure: commander ends `--help` and `--version` by throwing. */
function describeFailure(error: unknown): Failure | undefined {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return undefined;
    const message = error.code === "commander.help" ? "no command was given" : error.message;
    const plain = message.replace(/^error: /, "").replaceAll("\n", " ");
    const hint = "headstart --help lists the commands and their options";
    return { code: "USAGE", message: plain, hint, exitCode: exitCodes.usage, printed: true };
  }
  const { code, message, hint } = (typeof error === "object" && error !== null ? error : {}) as {
    code?: unknown;
    message?: string;
    hint?: string;
  };
  if (error instanceof Error && isErrorCode(code)) {
    const exitCode = (error instanceof CliError ? error.exitCode : undefined) ?? exitCodeOf(code);
    return { code, message: message ?? "", hint, exitCode };
  }
  return {
    code: "UNEXPECTED",
    message: message ?? String(error),
    details: error instanceof Error ? (error.stack ?? message) : String(error),
    hint: "this is a defect of headstart: report it with the lines above",
    exitCode: exitCodes.unexpected,
  };
}
