import { MaterializerError } from "@headstart/materializer";
import { migrate } from "../database/migrate.ts";
import { backoffMs } from "../loops/backoff.ts";
import { pause } from "../loops/pause.ts";
import { WorkerError } from "../worker-error.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { Readiness } from "./readiness.ts";
import { registerRepositories } from "./register-repositories.ts";

/**
 * Brings both schemas up to date and registers the configured repositories. A database that does not answer is
 * waited for, so that nothing has to start in an order; one that refuses is not.
 *
 * @throws WorkerError `DATABASE_REFUSED`, `SCHEMA_TOO_NEW`, `CONFIG_INVALID`
 */
export async function prepareDatabase(context: WorkerContext, readiness: Readiness): Promise<void> {
  const { materializer, db, log, ending } = context;
  for (let failures = 1; !ending.aborted; failures += 1) {
    try {
      const steps = [...(await materializer.migrate()), ...(await migrate(db))];
      if (steps.length > 0) log.info("database.migrated", { steps });
      await registerRepositories(context);
      return;
    } catch (error) {
      throwIfFinal(error);
      readiness.reason = `The database cannot be used yet: ${reasonOf(error, context)}`;
      log.warn("database.waiting", { failures, error });
      await pause(backoffMs(failures), ending);
    }
  }
}

/** What went wrong, in the words of who said it: time alone does not mend all of it. */
function reasonOf(error: unknown, { secrets }: WorkerContext): string {
  const { message, code } = error as { message?: string; code?: unknown };
  // One that was tried at several addresses has a code alone.
  return secrets.redact(message || String(code ?? error)).slice(0, 300);
}

const refusals: Readonly<Record<string, string>> = {
  "28P01": "Correct the password in the database's URL.",
  "28000": "Let the user in: see pg_hba.conf on the server.",
  "3D000": "Create the database, or correct its name in the URL.",
  "42501": "Give the user the right to create schemas in the database: grant create on database … to …",
};

function throwIfFinal(error: unknown): void {
  if (error instanceof WorkerError) throw error;
  if (error instanceof MaterializerError && error.code === "SCHEMA_TOO_NEW")
    throw new WorkerError("SCHEMA_TOO_NEW", error.message, { hint: error.hint });
  const { code, message } = error as { code?: unknown; message?: unknown };
  const hint = typeof code === "string" ? refusals[code] : undefined;
  if (hint !== undefined)
    throw new WorkerError("DATABASE_REFUSED", `The database refuses: ${String(message)}.`, {
      hint,
      cause: error,
    });
}
