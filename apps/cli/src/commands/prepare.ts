import type { PrepareOptions, Prepared, TierStep } from "@headstart/pg-snapshot";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command-context.ts";
import { chooseTargets, loadConfig } from "../config/load-config.ts";
import { recordRun } from "../history/run-history.ts";
import type { CommandResult } from "../output/command-result.ts";
import { formatBytes, formatDuration, formatTable, printable } from "../output/format.ts";
import { openServer } from "../server/open-server.ts";
import { snapshotTarget } from "../target/snapshot-target.ts";

export interface PrepareFlags {
  readonly updateSnapshot?: boolean | undefined;
  readonly force?: boolean | undefined;
  readonly from?: "template" | "snapshot" | "build" | undefined;
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
  const loaded = await loadConfig(context.cwd, context.configFile);
  const targets = chooseTargets(loaded, names);
  const { prepare } = await import("@headstart/pg-snapshot");
  await using server = await openServer(loaded.config, context);
  const results: PreparedTarget[] = [];
  for (const [name, target] of targets) {
    const options: PrepareOptions = {
      server: server.url,
      from: flags.force ? "build" : flags.from,
      save: flags.updateSnapshot
        ? "always"
        : target.snapshot?.save === "after-build"
          ? "after-build"
          : "never",
      tools: loaded.config.server.tools,
      signal: context.signal,
      onProgress: (progress) => context.progress.show(name, progress),
    };
    const { directory } = loaded;
    const { environment } = context;
    await using prepared = await prepare(snapshotTarget({ name, target, directory, environment }), options);
    await recordRun({
      target: name,
      tier: prepared.tier,
      ms: prepared.totalMs,
      at: new Date().toISOString(),
    });
    results.push(summarise(name, prepared));
  }
  return {
    json: { targets: results },
    text: results.map((result) => describe(result, context)).join("\n\n"),
  };
}

interface PreparedTarget {
  readonly target: string;
  readonly tier: Prepared["tier"];
  readonly template: string;
  readonly fingerprint: string;
  readonly steps: readonly TierStep[];
  readonly saved: { readonly status: string; readonly reason?: string; readonly bytes?: number };
  readonly timings: Prepared["timings"];
  readonly totalMs: number;
}

function summarise(target: string, prepared: Prepared): PreparedTarget {
  const { tier, template, identity, steps, saved, timings, totalMs } = prepared;
  return {
    target,
    tier,
    template: template.name,
    fingerprint: identity.digest,
    steps,
    saved: {
      status: saved.status,
      ...("reason" in saved && { reason: saved.reason }),
      ...("bytes" in saved && { bytes: saved.bytes }),
    },
    timings,
    totalMs,
  };
}

function describe(result: PreparedTarget, { colors }: CommandContext): string {
  const mark = {
    served: colors.green("served"),
    missed: "missed",
    skipped: colors.dim("skipped"),
    failed: colors.yellow("failed"),
  };
  const head = `${colors.bold(result.target)} is ready: ${result.tier} in ${formatDuration(result.totalMs)}`;
  const steps = result.steps.map((step) => [`  ${step.tier}`, mark[step.outcome], printable(step.reason)]);
  const { saved } = result;
  const savedLine =
    saved.status === "saved"
      ? [["  saved", colors.green("yes"), formatBytes(saved.bytes ?? 0)]]
      : saved.status === "not-asked"
        ? []
        : [
            [
              "  saved",
              saved.status === "failed" ? colors.yellow("no") : "no",
              printable(saved.reason ?? ""),
            ],
          ];
  return `${head}\n${formatTable([...steps, ...savedLine])}\n  ${colors.dim(result.template)}`;
}
