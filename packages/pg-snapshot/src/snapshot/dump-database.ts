import { stat } from "node:fs/promises";
import { PgSnapshotError } from "../errors.ts";
import type { OnProgress } from "../progress.ts";
import { toolEnvironment, type ConnectionSettings } from "../server/connection-settings.ts";
import type { Tool } from "../tools/find-tool.ts";
import { runTool } from "../tools/run-tool.ts";

export interface DumpOptions {
  readonly connection: ConnectionSettings;
  readonly database: string;
  readonly tool: Tool;
  /** The file to write. */
  readonly path: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** What does not travel between machines: owners, grants, and what ties a database to its server. */
const portable = [
  "--format=custom",
  "--no-owner",
  "--no-privileges",
  "--no-publications",
  "--no-subscriptions",
  "--no-security-labels",
  "--no-tablespaces",
  "--no-sync",
  "--no-password",
  "--verbose",
];

/** A snapshot is written once and kept for ever, so size goes before speed. zstd came with pg_dump 16. */
const compressions = (major: number): string[] => (major >= 16 ? ["zstd:15", "9"] : ["9"]);
const unsupportedCompression = /compress/i;

/** Milliseconds between two looks at the growing file. */
const watchMs = 200;

/**
 * Dumps a database in custom format, which one file holds and parallel restores can read.
 *
 * @returns the compression used
 * @throws {PgSnapshotError} as {@link runTool} does, with `DUMP_FAILED`
 */
export async function dumpDatabase(options: DumpOptions): Promise<{ readonly compression: string }> {
  const choices = compressions(options.tool.major);
  for (const [index, choice] of choices.entries()) {
    try {
      await dumpOnce(options, choice);
      return { compression: choice.startsWith("zstd") ? "zstd" : "gzip" };
    } catch (error) {
      const lacking =
        error instanceof PgSnapshotError &&
        error.code === "DUMP_FAILED" &&
        unsupportedCompression.test(error.message);
      if (!lacking || index === choices.length - 1) throw error;
    }
  }
  throw new TypeError("there is always a last choice of compression");
}

async function dumpOnce(options: DumpOptions, compress: string): Promise<void> {
  const { connection, database, tool, path, signal, onProgress } = options;
  let tables = 0;
  let detail: string | undefined;
  const report = async (): Promise<void> => {
    const bytes = (await stat(path).catch(() => undefined))?.size ?? 0;
    onProgress?.({ phase: "dump", detail, done: bytes, unit: "bytes" });
  };
  const watch = setInterval(() => void report(), watchMs);
  try {
    await runTool(
      tool,
      [...portable, `--compress=${compress}`, ...(tool.prefixed ? [] : [`--file=${path}`])],
      {
        environment: toolEnvironment(connection, database),
        failureCode: "DUMP_FAILED",
        // Behind a prefix our paths mean nothing, so the dump comes through the pipe.
        ...(tool.prefixed && { outputFile: path }),
        onLine: (line) => {
          const table = /dumping contents of table "([^"]+)"/.exec(line)?.[1];
          if (table !== undefined) detail = `table ${++tables}: ${table}`;
        },
        signal,
      },
    );
    await report();
  } finally {
    clearInterval(watch);
  }
}
