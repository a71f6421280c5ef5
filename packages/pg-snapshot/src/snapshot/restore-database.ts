import { availableParallelism } from "node:os";
import { startProgram } from "../start-program.ts";
import type { OnProgress } from "../progress.ts";
import { toolEnvironment, type ConnectionSettings } from "../server/connection-settings.ts";
import { startupOptions } from "../server/startup-options.ts";
import type { ServerFacts } from "../server/server-facts.ts";
import type { Tool } from "../tools/find-tool.ts";
import { runTool } from "../tools/run-tool.ts";

export interface RestoreOptions {
  readonly connection: ConnectionSettings;
  /** An empty database that nobody else knows of. */
  readonly database: string;
  readonly dumpPath: string;
  readonly dumpBytes: number;
  readonly server: ServerFacts;
  readonly tool: Tool;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** Below this many bytes of dump, starting workers costs more than they save. */
const parallelFromBytes = 256 * 1024;
const maxJobs = 8;

/**
 * For the restoring sessions alone. Indexes are most of a restore, and the default 64 MB of memory makes the
 * larger ones sort on disk; the database is private until it is sealed, so nothing has to wait for the disk.
 */
const sessionSettings: Readonly<Record<string, string>> = {
  maintenance_work_mem: "256MB",
  synchronous_commit: "off",
};

/**
 * Restores a dump into an empty, private database, in parallel when that pays. The database is dropped by the
 * caller when this fails, so nothing is done to undo a part.
 *
 * @throws {PgSnapshotError} `EXTENSION_MISSING`, `DISK_FULL`, `SERVER_UNREACHABLE`, `RESTORE_FAILED`
 */
export async function restoreDatabase(options: RestoreOptions): Promise<void> {
  const { connection, database, dumpPath, dumpBytes, server, tool, signal, onProgress } = options;
  const total = await countItems(tool, dumpPath, signal);
  let done = 0;
  const ignorable = speaksOfUnknownTimeout(tool, server);
  const errors = new IgnoredErrors();
  const jobs = dumpBytes < parallelFromBytes || tool.prefixed ? 1 : Math.min(availableParallelism(), maxJobs);
  await runTool(
    tool,
    [
      "--no-owner",
      "--no-privileges",
      "--no-password",
      "--verbose",
      `--dbname=${tool.prefixed ? database : ""}`,
      ...(ignorable ? [] : ["--exit-on-error"]),
      ...(jobs > 1 ? [`--jobs=${jobs}`] : []),
      ...(tool.prefixed ? [] : [dumpPath]),
    ],
    {
      environment: { ...toolEnvironment(connection, database), PGOPTIONS: startupOptions(sessionSettings) },
      failureCode: "RESTORE_FAILED",
      ...(tool.prefixed && { inputFile: dumpPath }),
      onLine: (line) => {
        errors.hear(line);
        const item = /^pg_restore: (?:creating|processing data for) (.*)$/.exec(line)?.[1];
        if (item === undefined) return;
        done = Math.min(done + 1, total);
        onProgress?.({ phase: "restore", detail: item, done, total, unit: "items" });
      },
      ...(ignorable && { succeededDespite: () => errors.areHarmless() }),
      signal,
    },
  );
}

/**
 * pg_restore 17 and newer sets `transaction_timeout` in every session, which servers up to 16 refuse. The
 * setting means nothing to the restore, so that one error is let pass.
 */
function speaksOfUnknownTimeout(tool: Tool, server: ServerFacts): boolean {
  return tool.major >= 17 && server.major <= 16;
}

/**
 * What a pg_restore that goes on after errors says of them. The number in its last line proves that it came to
 * the end; of parallel workers' errors at connecting it counts none, so it may be smaller than what was told.
 */
class IgnoredErrors {
  #told = 0;
  #counted = 0;
  #othersToo = false;

  hear(line: string): void {
    this.#counted = Number(
      /^pg_restore: warning: errors ignored on restore: (\d+)$/.exec(line)?.[1] ?? this.#counted,
    );
    if (!line.startsWith("pg_restore: error:")) return;
    this.#told += 1;
    if (!line.includes('"transaction_timeout"')) this.#othersToo = true;
  }

  areHarmless(): boolean {
    return !this.#othersToo && this.#counted > 0 && this.#counted <= this.#told;
  }
}

/** Milliseconds to list a dump's table of contents, which is only for the progress. */
const listTimeoutMs = 30_000;

/** Entries of the dump's table of contents, for the progress; 0 when they cannot be listed. */
async function countItems(tool: Tool, dumpPath: string, signal: AbortSignal | undefined): Promise<number> {
  const [program, ...leading] = tool.command;
  const input = tool.prefixed ? { stdin: { file: dumpPath } } : { stdin: "ignore" as const };
  const { stdout } = await startProgram(
    program,
    [...leading, "--list", ...(tool.prefixed ? [] : [dumpPath])],
    { reject: false, timeout: listTimeoutMs, ...(signal && { cancelSignal: signal }), ...input },
  );
  signal?.throwIfAborted();
  return (stdout ?? "").split("\n").filter((line) => /^\d/.test(line)).length;
}
