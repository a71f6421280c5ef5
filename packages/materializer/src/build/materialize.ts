import type { Context } from "../context.ts";
import { countNoun } from "../count-noun.ts";
import { MaterializerError, type MaterializerErrorCode } from "../errors.ts";
import type { Lease } from "../queue/claim.ts";
import { fail, failureOf, type Failed } from "../queue/fail.ts";
import { keepLease, release } from "../queue/lease.ts";
import { build, type BuildOptions, type BuildProgress } from "./build-version.ts";
import { publish, type Published } from "./publish.ts";

export type Materialized =
  | ({ readonly outcome: "published" } & Published & {
        readonly blobsParsed: number;
        readonly unitsAssembled: number;
      })
  | { readonly outcome: "failed"; readonly how: Failed; readonly code: string; readonly message: string }
  /** Somebody else has the branch now, it is gone, or another projector is wanted. Nothing was changed. */
  | { readonly outcome: "fenced" }
  /** The caller aborted; the lease was given back. */
  | { readonly outcome: "aborted" };

/** Builds and publishes what a lease wants, keeping the lease meanwhile; every failure ends up on the branch's row. */
export async function materialize(
  context: Context,
  lease: Lease,
  {
    signal,
    onProgress,
  }: { signal?: AbortSignal | undefined; onProgress?: ((progress: BuildProgress) => void) | undefined } = {},
): Promise<Materialized> {
  using held = keepLease(context, lease, signal);
  try {
    return await buildAndPublish(context, lease, { signal: held.signal, onProgress });
  } catch (error) {
    if (isLeaseLost(error) || isLeaseLost(held.signal.reason)) return { outcome: "fenced" };
    if (signal?.aborted === true) {
      await release(context, lease);
      return { outcome: "aborted" };
    }
    if (hasCode(error, "PROJECTOR_SUPERSEDED")) {
      await release(context, lease);
      return { outcome: "fenced" };
    }
    return await recordFailure(context, lease, error);
  }
}

async function buildAndPublish(
  context: Context,
  lease: Lease,
  { triesLeft = 3, ...options }: BuildOptions & { readonly triesLeft?: number },
): Promise<Materialized> {
  const built = await build(context, lease, options);
  options.signal.throwIfAborted();
  if (built.kind === "built") {
    const { blobsParsed, unitsAssembled, changedPaths } = built;
    try {
      const published = await publish(context, lease, { built, changedPaths });
      return { outcome: "published", ...published, blobsParsed, unitsAssembled };
    } catch (error) {
      if (!hasCode(error, "VERSION_UNKNOWN") || triesLeft === 0) throw error;
    }
    // What it was built over is forgotten. The last try builds over nothing, so it cannot end like this.
    const again = triesLeft === 1 ? { ...lease, fromScratch: true } : lease;
    return await buildAndPublish(context, again, { ...options, triesLeft: triesLeft - 1 });
  }
  const errors = built.issues.filter((issue) => issue.severity === "error");
  const first = errors[0];
  const where = first === undefined ? "" : ` First: ${first.path}:${first.line ?? 1}: ${first.message}`;
  const keep = errors.length === 1 ? "keeps" : "keep";
  const message = `${countNoun(errors.length, "error")} ${keep} this commit from being published.${where}`;
  const how = await fail(context, lease, {
    kind: "content",
    code: "CONTENT_INVALID",
    message,
    issues: built.issues,
  });
  return { outcome: "failed", how, code: "CONTENT_INVALID", message };
}

async function recordFailure(context: Context, lease: Lease, error: unknown): Promise<Materialized> {
  const failure = failureOf(error);
  try {
    const how = await fail(context, lease, failure);
    const code = failure.kind === "moved" ? "GIT_REF_MISSING" : failure.code;
    return { outcome: "failed", how, code, message: error instanceof Error ? error.message : String(error) };
  } catch (cause) {
    if (isLeaseLost(cause)) return { outcome: "fenced" };
    // The server is away, most likely: the lease runs out by itself and another worker takes the branch.
    throw new AggregateError([error, cause], "A build failed, and so did recording it.");
  }
}

function isLeaseLost(error: unknown): boolean {
  return hasCode(error, "LEASE_LOST");
}

function hasCode(error: unknown, code: MaterializerErrorCode): boolean {
  return error instanceof MaterializerError && error.code === code;
}
