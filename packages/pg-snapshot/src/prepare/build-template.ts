import { performance } from "node:perf_hooks";
import { PgSnapshotError, type PgSnapshotErrorCode } from "../errors.ts";
import { scratchName } from "../names.ts";
import { databaseUrl } from "../server/connection-settings.ts";
import { explainSqlError } from "../sql-error.ts";
import { createDatabase } from "../template/create-database.ts";
import type { TemplateDescription } from "../template/template-description.ts";
import { InputsChangedError } from "./inputs-changed-error.ts";
import type { Preparation } from "./preparation.ts";
import { publishTemplate } from "./publish-template.ts";
import { withScratch } from "./with-scratch.ts";

/**
 * The third tier: the target's own build fills an empty database. Its inputs are identified again afterwards;
 * if they moved, what was built belongs to no known content and is thrown away.
 *
 * @throws {PgSnapshotError} `BUILD_FAILED`, `INPUTS_CHANGED`, and what {@link publishTemplate} throws
 */
export async function buildTemplate(preparation: Preparation): Promise<TemplateDescription> {
  const { target, identity, owner, signal, onProgress, stopwatch } = preparation;
  const scratch = scratchName(owner.id, target.name);
  return await withScratch(owner, scratch, async () => {
    await createDatabase(owner, scratch, { signal });
    const started = performance.now();
    await stopwatch.time("build", async () => {
      onProgress({ phase: "build" });
      await runBuild(preparation, scratch);
    });
    const buildMs = Math.round(performance.now() - started);
    const after = await stopwatch.time("fingerprint", () => target.fingerprint({ signal }));
    if (after.digest !== identity.digest) {
      throw new InputsChangedError(target.name, identity.manifest, after.manifest);
    }
    return await publishTemplate(preparation, { scratch, source: "build", buildMs });
  });
}

export async function runBuild(
  { target, owner, signal, onProgress }: Preparation,
  scratch: string,
): Promise<void> {
  try {
    await target.build({
      name: scratch,
      url: databaseUrl(owner.settings, scratch),
      signal,
      report: (detail) => onProgress({ phase: "build", detail }),
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw buildFailed(target.name, cause);
  }
  signal.throwIfAborted();
}

/** Causes that lie with the server: told as themselves, for the fix is not in the build. */
const serverCauses: ReadonlySet<PgSnapshotErrorCode> = new Set(["DISK_FULL", "EXTENSION_MISSING"]);

function buildFailed(target: string, cause: unknown): PgSnapshotError {
  const explained = explainSqlError(cause, `the build of "${target}" failed`);
  if (explained === cause || serverCauses.has(explained.code)) return explained;
  return new PgSnapshotError("BUILD_FAILED", explained.message, {
    hint: "the half-built database was dropped; mend the build and run it again",
    cause,
  });
}
