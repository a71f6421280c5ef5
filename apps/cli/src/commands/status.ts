import type { InventoryItem, SnapshotLookup } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import { chooseTargets, type ConfiguredTarget } from "../config/choose-targets.ts";
import { loadConfig } from "../config/load-config.ts";
import { exitCodeOf, exitCodes } from "../exit-codes.ts";
import { recordedRuns, type Run } from "../history/run-history.ts";
import { summariseRuns, type TierSummary } from "../history/summarise-runs.ts";
import type { CommandResult } from "../output/command-result.ts";
import { formatBytes, formatDuration, formatTable, printable } from "../output/format.ts";
import { lookAtServer, type ServerView } from "../server/look-at-server.ts";
import { projectCache } from "../target/project-cache.ts";
import { targetKey } from "../target/target-key.ts";
import { targetStore } from "../target/target-store.ts";
import { sizeWarning } from "./size-warning.ts";

/** What is ready, what each tier took and saved, and whether the snapshot is worth having. */
export async function statusCommand(
  context: CommandContext,
  names: readonly string[],
): Promise<CommandResult> {
  const loaded = await loadConfig(context);
  const chosen = chooseTargets(loaded, names);
  const server = await lookAtServer(loaded.config.server, context);
  const targets: TargetStatus[] = [];
  for (const configured of chosen) targets.push(await targetStatus(context, configured, server));
  return {
    json: { server: serverJson(server), targets },
    text: [
      describeServer(server, context),
      ...targets.map((status) => describeTarget(status, context)),
      ...describeOthers(server),
    ].join("\n\n"),
    exitCode: server.status === "failed" ? exitCodeOf(server.error.code) : exitCodes.ok,
  };
}

interface TargetStatus {
  readonly target: string;
  readonly fingerprint: string;
  /** `unknown` when the server cannot be asked. */
  readonly template: "ready" | "absent" | "unknown";
  readonly templateName?: string | undefined;
  readonly templateBytes?: number | undefined;
  /** Templates of the same target and other content. */
  readonly otherTemplates: number;
  /** By the manifest and the dump's size; `lint` checks every byte. */
  readonly snapshot: "fresh" | "none" | Exclude<SnapshotLookup["status"], "found">;
  readonly snapshotReason?: string | undefined;
  readonly snapshotBytes?: number | undefined;
  readonly buildMs?: number | undefined;
  readonly tiers: readonly TierSummary[];
  readonly lastRuns: readonly Run[];
  readonly advice: readonly string[];
}

/** Runs that the JSON document lists. */
const listedRuns = 10;

async function targetStatus(
  context: CommandContext,
  configured: ConfiguredTarget,
  server: ServerView,
): Promise<TargetStatus> {
  const { name, directory } = configured;
  const { environment, signal, progress } = context;
  progress.show(name, { phase: "fingerprint" });
  const key = await targetKey(configured, { environment, signal });
  const lookup = await targetStore(configured)?.find(name, key.digest, { signal });
  const manifest = lookup?.status === "found" || lookup?.status === "stale" ? lookup.manifest : undefined;
  const runs = await recordedRuns(await projectCache(directory, environment), name);
  const buildMs = runs.find((run) => run.tier === "build")?.ms ?? manifest?.buildMs ?? undefined;
  const large = manifest && lookup?.status === "found" ? await sizeWarning(configured, manifest) : [];
  return {
    target: name,
    fingerprint: key.digest,
    ...templateStatus(server, name, key.digest),
    snapshot: lookup === undefined ? "none" : lookup.status === "found" ? "fresh" : lookup.status,
    snapshotReason: lookup && "reason" in lookup ? lookup.reason : undefined,
    snapshotBytes: manifest?.dump.bytes,
    buildMs,
    tiers: summariseRuns(runs, buildMs),
    lastRuns: runs.slice(0, listedRuns),
    advice: [...worthAdvice(configured, buildMs), ...large],
  };
}

function templateStatus(
  server: ServerView,
  target: string,
  digest: string,
): Pick<TargetStatus, "template" | "templateName" | "templateBytes" | "otherTemplates"> {
  if (server.status === "failed") return { template: "unknown", otherTemplates: 0 };
  const ours = server.databases.filter(
    (item) => item.kind === "template" && item.mine && item.description.target === target,
  );
  const present = ours.find((item) => item.kind === "template" && item.description.digest === digest);
  if (!present) return { template: "absent", otherTemplates: ours.length };
  return {
    template: "ready",
    templateName: present.name,
    templateBytes: present.bytes,
    otherTemplates: ours.length - 1,
  };
}

/** Milliseconds of build below which a committed snapshot costs more than it gives. */
const worthwhileMs = 60_000;

function worthAdvice({ target }: ConfiguredTarget, buildMs: number | undefined): string[] {
  if (!target.snapshot || buildMs === undefined || buildMs >= worthwhileMs) return [];
  return [
    `the build takes ${formatDuration(buildMs)}, less than a minute: a committed snapshot costs more than it gives here; without "snapshot" the template tier still makes every run but the first one fast`,
  ];
}

function describeServer(server: ServerView, { colors }: CommandContext): string {
  if (server.status !== "failed") return `server  ${server.description}`;
  const { code, message, hint } = server.error;
  const fix = hint === undefined ? "" : `\n        ${hint}`;
  return `server  ${server.description}: ${colors.red(printable(message))} [${code}]${fix}`;
}

function describeTarget(status: TargetStatus, { colors }: CommandContext): string {
  const size = (bytes: number | undefined): string => (bytes === undefined ? "" : formatBytes(bytes));
  const rows = [
    [
      "  template",
      status.template,
      [
        size(status.templateBytes),
        status.otherTemplates > 0 ? `${status.otherTemplates} of other content` : "",
      ]
        .filter((part) => part !== "")
        .join(", "),
    ],
    ["  snapshot", status.snapshot, size(status.snapshotBytes)],
    ...status.tiers.map(({ tier, runs, medianMs, savedMs }) => [
      `  ${tier} tier`,
      `${runs} ${runs === 1 ? "run" : "runs"}, median ${formatDuration(medianMs)}`,
      savedMs === undefined ? "" : `saved ${formatDuration(savedMs)} in all`,
    ]),
    ...status.lastRuns
      .slice(0, 1)
      .map(({ tier, ms, at }) => [
        "  last run",
        `${tier}, ${formatDuration(ms)}`,
        at.slice(0, 16).replace("T", " "),
      ]),
  ];
  const notes = status.advice.map((line) => `  ${colors.yellow("!")} ${line}`);
  return [colors.bold(printable(status.target)), formatTable(rows), ...notes].join("\n");
}

/** What there is on the server besides templates. */
function describeOthers(server: ServerView): string[] {
  if (server.status === "failed") return [];
  const words: Readonly<Record<InventoryItem["kind"], string>> = {
    template: "template",
    "kept-clone": "clone, kept",
    clone: "clone",
    scratch: "being made",
  };
  const others = server.databases.filter((item) => item.kind !== "template");
  if (others.length === 0) return [];
  const rows = others.map((item) => {
    const left = "alive" in item && !item.alive;
    return [
      `  ${item.name}`,
      left ? "left by a crash: headstart prune" : words[item.kind],
      formatBytes(item.bytes),
    ];
  });
  return [`other databases\n${formatTable(rows)}`];
}

function serverJson(server: ServerView): object {
  if (server.status !== "failed") return server;
  const { code, message, hint } = server.error;
  return { ...server, error: { code, message, hint } };
}
