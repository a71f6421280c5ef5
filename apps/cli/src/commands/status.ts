import type { InventoryItem } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import type { TargetConfig } from "../config/config-schema.ts";
import { chooseTargets, loadConfig, type LoadedConfig } from "../config/load-config.ts";
import { latestRuns, type Run } from "../history/run-history.ts";
import type { CommandResult } from "../output/command-result.ts";
import { formatBytes, formatDuration, formatTable } from "../output/format.ts";
import { serverUrlOf } from "../server/open-server.ts";
import { targetStore } from "../target/snapshot-target.ts";
import { targetKey } from "../target/target-key.ts";

/** Milliseconds of build below which a committed snapshot costs more than it gives. */
const worthwhileMs = 60_000;

/** What is ready, what each tier took and saved, and whether the snapshot is worth having. */
export async function statusCommand(
  context: CommandContext,
  names: readonly string[],
): Promise<CommandResult> {
  const loaded = await loadConfig(context.cwd, context.configFile);
  const { items, server } = await lookAtServer(context, loaded);
  const targets: TargetStatus[] = [];
  for (const [name, target] of chooseTargets(loaded, names)) {
    context.progress.show(name, { phase: "fingerprint" });
    targets.push(await targetStatus(context, { name, target, directory: loaded.directory, items }));
  }
  const others = items.filter((item) => item.kind !== "template");
  const clones = others.map((item) => [`  ${item.name}`, item.kind, formatBytes(item.bytes)]);
  const text = [
    `server: ${server}`,
    ...targets.map((status) => describe(status, context)),
    ...(clones.length > 0 ? [`clones\n${formatTable(clones)}`] : []),
  ].join("\n\n");
  return { json: { server, targets, databases: items }, text };
}

interface TargetStatus {
  readonly target: string;
  readonly fingerprint: string;

  readonly template: "ready" | "absent";
  readonly templateBytes?: number | undefined;
  readonly snapshot: string;
  readonly snapshotBytes?: number | undefined;
  readonly buildMs?: number | undefined;
  /** Median milliseconds of the recorded runs, and how many there were, by tier. */
  readonly tiers: Readonly<
    Record<
      string,
      { readonly runs: number; readonly medianMs: number; readonly savedMs?: number | undefined }
    >
  >;
  readonly advice: readonly string[];
}

interface Subject {
  readonly name: string;
  readonly target: TargetConfig;
  readonly directory: string;
  readonly items: readonly InventoryItem[];
}

async function targetStatus(
  context: CommandContext,
  { name, target, directory, items }: Subject,
): Promise<TargetStatus> {
  const { environment, signal } = context;
  const key = await targetKey({ name, target, directory, environment, signal });
  const template = items.find(
    (item) =>
      item.kind === "template" && item.description.target === name && item.description.digest === key.digest,
  );
  const lookup = await targetStore(target, directory)?.find(name, key.digest, { signal });
  const manifest = lookup?.status === "found" || lookup?.status === "stale" ? lookup.manifest : undefined;
  const runs = await latestRuns(name);
  const built = runs.find((run) => run.tier === "build");
  const buildMs = built?.ms ?? manifest?.buildMs ?? undefined;
  return {
    target: name,
    fingerprint: key.digest,
    template: template ? "ready" : "absent",
    templateBytes: template?.bytes,
    snapshot: lookup === undefined ? "none" : lookup.status === "found" ? "fresh" : lookup.status,
    snapshotBytes: manifest?.dump.bytes,
    buildMs,
    tiers: tierFigures(runs, buildMs),
    advice: advice({ target, buildMs, bytes: manifest?.dump.bytes }),
  };
}

function tierFigures(runs: readonly Run[], buildMs: number | undefined): TargetStatus["tiers"] {
  const figures = (["template", "snapshot", "build"] as const).flatMap((tier) => {
    const times = runs
      .filter((run) => run.tier === tier)
      .map((run) => run.ms)
      .sort((a, b) => a - b);
    const medianMs = times[Math.floor(times.length / 2)];
    if (medianMs === undefined) return [];
    const savedMs =
      tier === "build" || buildMs === undefined ? undefined : Math.max(0, buildMs - medianMs) * times.length;
    return [[tier, { runs: times.length, medianMs, savedMs }] as const];
  });
  return Object.fromEntries(figures);
}

interface AdviceSubject {
  readonly target: TargetConfig;
  readonly buildMs: number | undefined;
  readonly bytes: number | undefined;
}

function advice({ target, buildMs, bytes }: AdviceSubject): string[] {
  const lines: string[] = [];
  if (target.snapshot && buildMs !== undefined && buildMs < worthwhileMs) {
    lines.push(
      `the build takes ${formatDuration(buildMs)}, under a minute: a committed snapshot costs more than it gives here, the template tier alone will do`,
    );
  }
  if (target.snapshot && bytes !== undefined && bytes > target.snapshot.warnAboveBytes) {
    lines.push(`the snapshot has ${formatBytes(bytes)}: strip more, or track *.pgdump with Git LFS`);
  }
  return lines;
}

function describe(status: TargetStatus, { colors }: CommandContext): string {
  const size = (bytes: number | undefined): string => (bytes === undefined ? "" : formatBytes(bytes));
  const tiers = Object.entries(status.tiers).map(([tier, { runs, medianMs, savedMs }]) => [
    `  ${tier} tier`,
    `${runs} runs, median ${formatDuration(medianMs)}`,
    savedMs === undefined ? "" : `saved ${formatDuration(savedMs)} in all`,
  ]);
  const rows = [
    ["  template", status.template, size(status.templateBytes)],
    ["  snapshot", status.snapshot, size(status.snapshotBytes)],
    ...tiers,
  ];
  const notes = status.advice.map((line) => `  ${colors.yellow("!")} ${line}`);
  return [colors.bold(status.target), formatTable(rows), ...notes].join("\n");
}

/** Status starts nothing: a server that does not run is a fact to be told. */
async function lookAtServer(
  context: CommandContext,
  { config }: LoadedConfig,
): Promise<{ server: string; items: InventoryItem[] }> {
  const { describeServer, embeddedServerStatus, inventory, PgSnapshotError, resolveConnection } =
    await import("@headstart/pg-snapshot");
  let url = config.server.url ?? serverUrlOf(context.environment);
  let server = url === undefined ? "" : describeServer(resolveConnection(url, context.environment));
  if (url === undefined) {
    const status = await embeddedServerStatus(config.server.embedded?.directory);
    if (!status.running) return { server: "the embedded server, not running now", items: [] };
    url = status.url;
    server = `the embedded server, Postgres ${status.major} on port ${status.port}`;
  }
  try {
    return { server, items: await inventory({ server: url, signal: context.signal }) };
  } catch (error) {
    if (!(error instanceof PgSnapshotError)) throw error;
    return { server: `${server}: ${error.message}`, items: [] };
  }
}
