import { PgSnapshotError } from "../errors.ts";
import type { SnapshotStore } from "../snapshot/snapshot-store.ts";
import { sweep } from "../sweep.ts";
import { findTemplate } from "../template/find-template.ts";
import { Template } from "../template/template.ts";
import type { TemplateDescription } from "../template/template-description.ts";
import { touchTemplate } from "../template/touch-template.ts";
import { findTool } from "../tools/find-tool.ts";
import { noSnapshot } from "./ask-stores.ts";
import { buildTemplate } from "./build-template.ts";
import { openPreparation } from "./open-preparation.ts";
import type { Preparation, PrepareOptions, Tier, TierStep } from "./preparation.ts";
import { restoreTemplate } from "./restore-template.ts";
import { saveSnapshot, type Saved } from "./save-snapshot.ts";
import type { Timing } from "./stopwatch.ts";
import type { Identity, Target } from "./target.ts";
import { tidyStores } from "./tidy-stores.ts";
import { endTurn, waitForTurn } from "./wait-for-turn.ts";

/** A template that is ready, and how it came to be. Disposing of it closes its connection. */
export interface Prepared extends AsyncDisposable {
  readonly template: Template;
  /** The tier that served. */
  readonly tier: Tier;
  readonly identity: Identity;
  /** What each tier that was asked said, in order; the last one served. */
  readonly steps: readonly TierStep[];
  readonly saved: Saved;
  readonly timings: readonly Timing[];
  readonly totalMs: number;
}

/**
 * Makes the template database of `target` ready at the cheapest tier that can: the template exists; a snapshot
 * of the same content is restored; the build runs. Any number of processes may ask at once: one does the work.
 *
 * An abort ends the work on the server too, drops what was half made, and throws the signal's reason. After a
 * `kill -9` the next run of any target on that server sweeps the remains.
 *
 * @throws {PgSnapshotError} with one of the codes in the README
 */
export async function prepare(target: Target, options: PrepareOptions = {}): Promise<Prepared> {
  using preparation = await openPreparation(target, options);
  const { owner, identity, steps, stopwatch, templateName } = preparation;
  try {
    using _held = owner.hold();
    const { tier, description, saved } = await serve(preparation);
    const template = new Template(owner, templateName, description);
    return {
      template,
      tier,
      identity,
      steps,
      saved,
      timings: stopwatch.timings,
      totalMs: stopwatch.totalMs,
      [Symbol.asyncDispose]: () => template[Symbol.asyncDispose](),
    };
  } catch (error) {
    await owner[Symbol.asyncDispose]();
    throw error;
  }
}

interface Served {
  readonly tier: Tier;
  readonly description: TemplateDescription;
  readonly saved: Saved;
}

async function serve(run: Preparation): Promise<Served> {
  const { options, owner, templateName: name, signal, onProgress, steps } = run;
  const { from, save = "after-build" } = options;
  if (save === "always") await checkCanSave(run);

  const existing =
    from === undefined || from === "template" ? await findTemplate(owner.session, name) : undefined;
  await sweep(owner, { signal, onProgress });
  await tidyStores(run.target);
  if (existing?.status === "found") {
    steps.push({ tier: "template", outcome: "served", reason: "the server has a template of this content" });
    await touchTemplate(owner, name, existing.description);
    return await finish(run, "template", existing.description);
  }
  steps.push(
    existing
      ? { tier: "template", outcome: "missed", reason: existing.reason }
      : { tier: "template", outcome: "skipped", reason: `asked for the ${from} tier` },
  );
  if (from === "template") throw templateAbsent(run, existing?.reason);

  const made = await waitForTurn(owner, {
    template: name,
    acceptTemplate: from === undefined,
    signal,
    onProgress,
  });
  if (made) {
    steps.push({ tier: "template", outcome: "served", reason: "another process made it meanwhile" });
    return await finish(run, "template", made.description);
  }
  try {
    return await work(run);
  } finally {
    await endTurn(owner, name).catch(() => undefined);
  }
}

/** Tiers two and three; the builder's lock is held. */
async function work(run: Preparation): Promise<Served> {
  const { options, owner, steps } = run;
  // What a builder left that died while this process waited for its turn.
  await sweep(owner, run);
  if (options.from !== "build") {
    const restored = await restoreTemplate(run);
    if (restored) return await finish(run, "snapshot", restored);
    if (options.from === "snapshot") throw noSnapshot(run);
  } else {
    steps.push({ tier: "snapshot", outcome: "skipped", reason: "asked for the build tier" });
  }
  const built = await buildTemplate(run);
  steps.push({ tier: "build", outcome: "served", reason: "built from its inputs" });
  return await finish(run, "build", built);
}

async function finish(run: Preparation, tier: Tier, description: TemplateDescription): Promise<Served> {
  const { save = "after-build" } = run.options;
  const asked = save === "always" || (save === "after-build" && tier === "build");
  const stores = (run.target.stores ?? []).filter((store) => store.writable);
  if (!asked || stores.length === 0) {
    return { tier, description, saved: { status: "not-asked", reason: whyNotSaved(stores, save) } };
  }
  try {
    const saved = await saveSnapshot(run, { description, stores, replace: tier === "build" });
    return { tier, description, saved };
  } catch (error) {
    run.signal.throwIfAborted();
    if (save === "always" || !(error instanceof PgSnapshotError)) throw error;
    return { tier, description, saved: { status: "failed", reason: error.message, error } };
  }
}

function whyNotSaved(stores: readonly SnapshotStore[], save: PrepareOptions["save"]): string {
  if (stores.length === 0) return "the target has no writable store";
  return save === "never" ? "saving was not asked for" : "a cheaper tier served";
}

/** Before minutes of work, not after: can what was asked for be saved at all? */
async function checkCanSave({ target, owner, options, signal }: Preparation): Promise<void> {
  if (!(target.stores ?? []).some((store) => store.writable)) {
    throw new PgSnapshotError("STORE_READ_ONLY", `"${target.name}" has no store that may be written`, {
      hint: "give the target a snapshot directory that is marked writable",
    });
  }
  await findTool("pg_dump", owner.session.serverMajor, options.tools, { signal });
}

function templateAbsent({ target }: Preparation, reason = "it is not there"): PgSnapshotError {
  return new PgSnapshotError("TEMPLATE_ABSENT", `no template of "${target.name}": ${reason}`, {
    hint: "make it: headstart prepare (without `from`)",
  });
}
