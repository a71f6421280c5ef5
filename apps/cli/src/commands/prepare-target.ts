import type { Prepared, PrepareOptions } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import type { ConfiguredTarget } from "../config/choose-targets.ts";
import { recordRun } from "../history/run-history.ts";
import { projectCache } from "../target/project-cache.ts";
import { snapshotTarget } from "../target/snapshot-target.ts";
import { targetStore } from "../target/target-store.ts";
import { describeDifference } from "./describe-difference.ts";

/**
 * Prepares a configured target, shows how that goes on, and notes the run for `status`.
 *
 * @throws {PgSnapshotError}
 */
export async function prepareTarget(
  context: CommandContext,
  configured: ConfiguredTarget,
  options: Pick<PrepareOptions, "server" | "from" | "save" | "tools">,
): Promise<Prepared> {
  const { name, target, directory } = configured;
  const { environment, signal, progress } = context;
  const { prepare } = await import("@headstart/pg-snapshot");
  const prepared = await prepare(snapshotTarget(configured, context), {
    ...options,
    deadlineMs: target.deadlineMs,
    signal,
    onProgress: (step) => progress.show(name, step),
  }).catch(async (error: unknown) => {
    throw await withChanges(error);
  });
  const serving = prepared.timings.filter(({ phase }) => phase !== "strip" && phase !== "dump");
  await recordRun(await projectCache(directory, environment), {
    target: name,
    tier: prepared.tier,
    ms: serving.reduce((sum, { ms }) => sum + ms, 0),
    bytes: await snapshotBytes(configured, prepared),
    at: new Date().toISOString(),
  });
  return prepared;
}

/** Inputs that moved during the build are named: most often it is the build itself that writes among them. */
async function withChanges(error: unknown): Promise<unknown> {
  const { InputsChangedError, PgSnapshotError } = await import("@headstart/pg-snapshot");
  if (!(error instanceof InputsChangedError)) return error;
  const { compare } = await import("@headstart/fingerprint");
  const lines = describeDifference(compare(error.before, error.after)).map((line) => `  ${line}`);
  const message = [error.message, ...lines].join("\n");
  const hint = `${error.hint}; what the build itself writes belongs outside its inputs`;
  return new PgSnapshotError("INPUTS_CHANGED", message, { hint, cause: error });
}

/** Bytes of the snapshot that this run restored or saved. */
async function snapshotBytes(
  configured: ConfiguredTarget,
  { tier, saved, identity }: Prepared,
): Promise<number | undefined> {
  if (saved.status === "saved") return saved.bytes;
  if (tier !== "snapshot") return undefined;
  const lookup = await targetStore(configured)?.find(configured.name, identity.digest);
  return lookup?.status === "found" ? lookup.manifest.dump.bytes : undefined;
}
