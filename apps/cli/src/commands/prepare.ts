import type { Prepared, PrepareOptions, SnapshotCheck, TierStep } from "@headstart/pg-snapshot";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command-context.ts";
import { chooseTargets, type ConfiguredTarget } from "../config/choose-targets.ts";
import { loadConfig, type LoadedConfig } from "../config/load-config.ts";
import type { CommandResult } from "../output/command-result.ts";
import { commandLine } from "../output/quote-for-shell.ts";
import { openServer, type OpenServer } from "../server/open-server.ts";
import { checkTarget } from "../target/check-target.ts";
import { describePrepared } from "./describe-prepared.ts";
import { prepareTarget } from "./prepare-target.ts";
import { sizeWarning } from "./size-warning.ts";

export interface PrepareFlags {
  readonly updateSnapshot?: boolean | undefined;
  readonly force?: boolean | undefined;
  readonly from?: "template" | "snapshot" | "build" | undefined;
}

/** One target that is ready, as the JSON document shows it. */
export interface PreparedTarget {
  readonly target: string;
  readonly tier: Prepared["tier"];
  readonly template: string;
  readonly fingerprint: string;
  readonly steps: readonly TierStep[];
  readonly saved: {
    readonly status: string;
    readonly reason?: string;
    readonly hint?: string | undefined;
    readonly bytes?: number;
  };
  /** What `lint` says now, where a snapshot was asked for. */
  readonly snapshot?: SnapshotCheck["status"] | undefined;
  readonly timings: Prepared["timings"];
  readonly totalMs: number;
  readonly warnings: readonly string[];
}

/** Makes the targets' templates ready, and says which tier served and why no cheaper one did. */
export async function prepareCommand(
  context: CommandContext,
  names: readonly string[],
  flags: PrepareFlags,
): Promise<CommandResult> {
  if (flags.force && flags.from !== undefined && flags.from !== "build") {
    throw new CliError("USAGE", `--force always builds, --from ${flags.from} never does`, {
      hint: "give one of them",
    });
  }
  const loaded = await loadConfig(context);
  const targets = chooseTargets(loaded, names);
  if (flags.updateSnapshot) requireSnapshots(loaded, targets, names);
  await using server = await openServer(loaded.config.server, context);
  const results: PreparedTarget[] = [];
  for (const configured of targets) {
    results.push(await prepareOne(context, configured, { server, flags }));
  }
  return {
    json: { targets: results },
    text: results.map((result) => describePrepared(result, context.colors)).join("\n\n"),
  };
}

interface Preparing {
  readonly server: OpenServer;
  readonly flags: PrepareFlags;
}

async function prepareOne(
  context: CommandContext,
  configured: ConfiguredTarget,
  { server, flags }: Preparing,
): Promise<PreparedTarget> {
  const { name, target } = configured;
  const update = flags.updateSnapshot === true && target.snapshot !== undefined;
  const save: PrepareOptions["save"] = update
    ? "always"
    : target.snapshot?.save === "after-build"
      ? "after-build"
      : "never";
  await using prepared = await prepareTarget(context, configured, {
    server: server.url,
    from: flags.force ? "build" : flags.from,
    save,
    tools: server.tools,
  });
  const { tier, template, identity, steps, saved, timings, totalMs } = prepared;
  const { check } = target.snapshot ? await checkTarget(configured, context) : { check: undefined };
  if (update && check?.status !== "fresh") throw movedMeanwhile(name, check);
  const large = check?.status === "fresh" ? await sizeWarning(configured, check.manifest) : [];
  return {
    target: name,
    tier,
    template: template.name,
    fingerprint: identity.digest,
    steps,
    saved: {
      status: saved.status,
      ...("reason" in saved && { reason: saved.reason }),
      ...("error" in saved && { hint: saved.error.hint }),
      ...("bytes" in saved && { bytes: saved.bytes }),
    },
    snapshot: check?.status,
    timings,
    totalMs,
    warnings: [...large, ...staleAdvice(name, check)],
  };
}

/** A snapshot was asked for: of every target that is named, or of those that keep one. */
function requireSnapshots(
  { file }: LoadedConfig,
  targets: readonly ConfiguredTarget[],
  names: readonly string[],
): void {
  const without = targets.filter(({ target }) => target.snapshot === undefined);
  const [first] = without;
  if (first === undefined || (names.length === 0 && without.length < targets.length)) return;
  throw new CliError(
    "SNAPSHOT_UNCONFIGURED",
    `target "${first.name}" in "${file}" keeps no snapshot that could be updated`,
    { hint: 'give the target a folder: snapshot: { directory: "snapshots" }' },
  );
}

/** Saved whole, and outdated already: the inputs were edited between the end of the work and now. */
function movedMeanwhile(name: string, check: SnapshotCheck | undefined): CliError {
  const reason = check && "reason" in check ? check.reason : "it is not there";
  return new CliError(
    "SNAPSHOT_OUTDATED",
    `the snapshot of "${name}" was saved, but is not fresh: ${reason}`,
    {
      hint: "run it again once the files are settled",
    },
  );
}

function staleAdvice(name: string, check: SnapshotCheck | undefined): string[] {
  if (check === undefined || check.status === "fresh") return [];
  return [
    `the committed snapshot is ${check.status}: headstart prepare ${commandLine([name], ["--update-snapshot"])}`,
  ];
}
