import { advisoryKey } from "../advisory-key.ts";
import type { Owner } from "../owner.ts";
import { pause } from "../pause.ts";
import type { OnProgress } from "../progress.ts";
import { findTemplate, type TemplateLookup } from "../template/find-template.ts";
import { describeHolder } from "./lock-holder.ts";

export interface WaitForTurnOptions {
  /** Name of the template that the lock stands for. */
  readonly template: string;
  /** Whether a template that another process finishes meanwhile ends the waiting. */
  readonly acceptTemplate: boolean;
  readonly signal: AbortSignal;
  readonly onProgress?: OnProgress | undefined;
}

/** Milliseconds between two looks while another process builds. */
const pollMs = 150;

/**
 * Waits until this process may make the template, or another has made it. It waits only while the lock is
 * held, and the lock is held only while its holder's session lives; so a killed builder is replaced at once.
 *
 * @returns the finished template, or `undefined` when the lock is ours: release it with {@link endTurn}
 */
export async function waitForTurn(
  owner: Owner,
  { template, acceptTemplate, signal, onProgress }: WaitForTurnOptions,
): Promise<(TemplateLookup & { status: "found" }) | undefined> {
  const key = advisoryKey("template", template);
  for (;;) {
    signal.throwIfAborted();
    const [row] = await owner.query<{ mine: boolean }>(
      "taking the builder's lock",
      "select pg_try_advisory_lock($1::bigint) as mine",
      [key],
    );
    // Looked up after the attempt: a builder publishes before it lets the lock go.
    const lookup = acceptTemplate ? await findTemplate(owner.session, template) : undefined;
    if (lookup?.status === "found") {
      if (row?.mine) await endTurn(owner, template);
      return lookup;
    }
    if (row?.mine) return undefined;
    onProgress?.({ phase: "wait", detail: await describeHolder(owner, key) });
    await pause(pollMs, signal);
  }
}

export async function endTurn(owner: Owner, template: string): Promise<void> {
  const key = advisoryKey("template", template);
  await owner.query("releasing the builder's lock", "select pg_advisory_unlock($1::bigint)", [key]);
}
