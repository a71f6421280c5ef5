import { hostname } from "node:os";
import { explainSqlError } from "@headstart/pg-snapshot";
import type { Materializer } from "@headstart/materializer";
import type * as Worker from "@headstart/worker";
import pg from "pg";
import { CliError } from "../../cli-error.ts";
import type { CommandContext } from "../../command-context.ts";
import { workOnPool } from "../../database/work-on-pool.ts";

/** What a command about branches works with: the worker's own configuration, database and mirrors. */
export interface OpenMaterialize {
  readonly materializer: Materializer;
  readonly db: pg.Pool;
  readonly config: Worker.WorkerConfig;
  readonly context: CommandContext;
}

/**
 * Runs a command by the worker's configuration. Nothing is changed by opening: no worker has to be there, nor has
 * git to answer. A signal ends it whatever the database waits for.
 *
 * @throws {CliError} `WORKER_MISSING`, `MATERIALIZER_ABSENT`
 * @throws {WorkerError} what is wrong with the configuration
 * @throws {PgSnapshotError} what the database's errors mean
 */
export async function withMaterializer<Result>(
  context: CommandContext,
  work: (open: OpenMaterialize) => Promise<Result>,
  { mindsSignal = false }: { readonly mindsSignal?: boolean } = {},
): Promise<Result> {
  const { loadConfig, openMaterializer } = await workerPackage();
  const { cwd, configFile, environment } = context;
  const { config } = await loadConfig({ cwd, configFile, environment });
  await using opened = await openMaterializer(config, {
    environment,
    worker: `${hostname()}:${process.pid} (headstart materialize)`,
    log: silent,
  });
  const { materializer, db } = opened;
  try {
    const manner = { signal: context.signal, name: "headstart materialize", mindsSignal };
    return await workOnPool(db, manner, async () => await work({ materializer, db, config, context }));
  } catch (error) {
    throw explainError(error);
  }
}

/** What goes wrong reaches the command as an error; there is nobody to read a log. */
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** An optional peer: who only keeps databases ready needs neither git nor HTTP. */
async function workerPackage(): Promise<typeof Worker> {
  try {
    return await import("@headstart/worker");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== "ERR_MODULE_NOT_FOUND" || !message.includes("@headstart/worker")) throw cause;
    throw new CliError("WORKER_MISSING", "@headstart/worker is not installed", {
      hint: "npm install @headstart/worker: these commands work by its configuration",
      cause,
    });
  }
}

const absentSchema = new Set(["3F000", "42P01"]);

function explainError(error: unknown): unknown {
  if (error instanceof pg.DatabaseError && absentSchema.has(error.code ?? "")) {
    return new CliError(
      "MATERIALIZER_ABSENT",
      "the database holds no branches: no worker has started on it",
      {
        hint: "start headstart-worker, or do its work once: headstart materialize sync --here",
        cause: error,
      },
    );
  }
  const isDatabases =
    error instanceof pg.DatabaseError ||
    error instanceof AggregateError ||
    (error instanceof Error &&
      !("hint" in error) &&
      ("syscall" in error || /connection|timeout exceeded/i.test(error.message)));
  return isDatabases ? explainSqlError(error, "asking about the branches") : error;
}
