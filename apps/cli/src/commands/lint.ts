import { relative } from "node:path";
import type { Difference } from "@headstart/fingerprint";
import type { SnapshotManifest } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import { chooseTargets, type ConfiguredTarget } from "../config/choose-targets.ts";
import { loadConfig } from "../config/load-config.ts";
import { exitCodes } from "../exit-codes.ts";
import type { CommandResult } from "../output/command-result.ts";
import { formatBytes, printable } from "../output/format.ts";
import { checkTarget, type CheckedTarget } from "../target/check-target.ts";
import { unlistedProgram } from "../target/unlisted-program.ts";
import { describeDifference, differenceJson } from "./describe-difference.ts";
import { remedy, type Remedy } from "./remedy.ts";
import { sizeWarning } from "./size-warning.ts";

/** Whether the committed snapshots are whole and were made from the present inputs. */
export async function lintCommand(context: CommandContext, names: readonly string[]): Promise<CommandResult> {
  const loaded = await loadConfig(context);
  const findings: Finding[] = [];
  for (const configured of chooseTargets(loaded, names)) {
    findings.push(await lintTarget(context, configured));
  }
  const fine = findings.every(({ status }) => status === "fresh" || status === "none");
  return {
    json: { fresh: fine, targets: findings.map(findingJson) },
    text: findings.map((finding) => describe(finding, context)).join("\n"),
    exitCode: fine ? exitCodes.ok : exitCodes.negative,
  };
}

interface Finding {
  readonly target: string;
  /** `none` when the target keeps no snapshot. */
  readonly status: "fresh" | "stale" | "missing" | "torn" | "corrupt" | "none";
  readonly fingerprint: string;
  readonly reason?: string | undefined;
  readonly manifest?: SnapshotManifest | undefined;
  readonly changes?: Difference | undefined;
  /** Why the changes cannot be told. */
  readonly changesUnknown?: string | undefined;
  readonly remedy?: Remedy | undefined;
  readonly warnings: readonly string[];
}

async function lintTarget(context: CommandContext, configured: ConfiguredTarget): Promise<Finding> {
  const { key, check } = await checkTarget(configured, context);
  const unlisted = unlistedProgram(configured, key.manifest);
  const found = { target: configured.name, fingerprint: key.digest };
  if (check === undefined) return { ...found, status: "none", warnings: unlisted };
  if (check.status === "fresh") {
    const { manifest } = check;
    const large = await sizeWarning(configured, manifest);
    return { ...found, status: "fresh", manifest, warnings: [...unlisted, ...large] };
  }
  return {
    ...found,
    status: check.status,
    reason: check.reason,
    ...(check.status === "stale" && (await changesSince(check.manifest, key))),
    remedy: remedy(configured, context, check),
    warnings: unlisted,
  };
}

/** A damaged list of files takes away the explanation, not the answer. */
async function changesSince(
  manifest: SnapshotManifest,
  key: CheckedTarget["key"],
): Promise<Pick<Finding, "manifest" | "changes" | "changesUnknown">> {
  const { compare, FingerprintError } = await import("@headstart/fingerprint");
  try {
    const before = manifest.files.map((line) => `${line}\n`).join("");
    return { manifest, changes: compare(before, key.manifest) };
  } catch (error) {
    if (!(error instanceof FingerprintError)) throw error;
    return { manifest, changesUnknown: error.message };
  }
}

function findingJson(finding: Finding): object {
  const { target, status, fingerprint, reason, manifest, changes, remedy: fix, warnings } = finding;
  const snapshot = manifest && {
    fingerprint: manifest.fingerprint,
    bytes: manifest.dump.bytes,
    buildMs: manifest.buildMs,
    createdAt: manifest.createdAt,
  };
  return {
    target,
    status,
    fingerprint,
    reason,
    snapshot,
    changes: changes && differenceJson(changes),
    fix: fix && { directory: fix.directory, commands: fix.commands },
    warnings,
  };
}

function describe(finding: Finding, context: CommandContext): string {
  const { colors } = context;
  const { status, manifest } = finding;
  const target = printable(finding.target);
  const warnings = finding.warnings.map((line) => `  ${colors.yellow("!")} ${printable(line, Infinity)}`);
  if (status === "none") {
    return [`${colors.dim("–")} ${target}: keeps no committed snapshot`, ...warnings].join("\n");
  }
  if (status === "fresh") {
    const about =
      manifest && ` (${formatBytes(manifest.dump.bytes)}, made ${manifest.createdAt.slice(0, 10)})`;
    return [`${colors.green("✓")} ${target}: the committed snapshot is fresh${about}`, ...warnings].join(
      "\n",
    );
  }
  return [
    `${colors.red("✗")} ${colors.bold(target)}: the committed snapshot is ${colors.red(status)}`,
    ...[...explanation(finding), ...instructions(finding, context)].map((line) => `  ${line}`.trimEnd()),
    ...warnings,
  ].join("\n");
}

function explanation({ reason = "", changes, changesUnknown }: Finding): string[] {
  const unknown = changesUnknown === undefined ? [] : [`which ones cannot be told: ${changesUnknown}`];
  const lines = [...(changes ? describeDifference(changes) : []), ...unknown];
  return [
    printable(reason, Infinity),
    ...(lines.length > 0 ? ["", ...lines.map((line) => `  ${line}`)] : []),
    "",
  ];
}

function instructions({ remedy: fix }: Finding, { cwd, colors }: CommandContext): string[] {
  if (fix === undefined) return [];
  const away = relative(cwd, fix.directory);
  return [
    fix.why,
    ...(away === "" && fix.place === "." ? [] : [`In ${fix.place === "." ? away : fix.place} run:`]),
    ...fix.commands.map((command) => `    ${colors.bold(command)}`),
    ...fix.needs,
  ];
}
