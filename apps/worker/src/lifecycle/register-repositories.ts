import { MaterializerError, type Registration } from "@headstart/materializer";
import { WorkerError } from "../worker-error.ts";
import type { WorkerContext } from "../worker-context.ts";

/**
 * Registers what the configuration names. A projector that a newer release has replaced is no failure: that is how a
 * deployment looks from the older worker, which then builds nothing of that repository.
 *
 * @throws WorkerError `CONFIG_INVALID` for a repository that is not accepted
 */
export async function registerRepositories({
  materializer,
  config,
  log,
}: Pick<WorkerContext, "materializer" | "config" | "log">): Promise<void> {
  for (const [index, { credential: _, ...repository }] of config.repositories.entries()) {
    try {
      const { outcome } = await materializer.register(repository as Registration);
      if (outcome !== "unchanged")
        log.info("repository.registered", { repository: repository.name, outcome });
    } catch (error) {
      if (!(error instanceof MaterializerError)) throw error;
      if (error.code !== "PROJECTOR_SUPERSEDED") throw notAccepted(index, repository.name, error);
      log.warn("repository.superseded", { repository: repository.name, error });
    }
  }
}

function notAccepted(index: number, name: string, error: MaterializerError): WorkerError {
  return new WorkerError(
    "CONFIG_INVALID",
    `repositories[${index}] (${JSON.stringify(name)}): ${error.message}`,
    {
      hint: error.hint,
      cause: error,
    },
  );
}
