import { relative } from "node:path";
import type { SnapshotCheck, SnapshotManifest } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import type { TargetConfig } from "../config/config-schema.ts";
import { chooseTargets, loadConfig } from "../config/load-config.ts";
import { exitCodes } from "../exit-codes.ts";
import type { CommandResult } from "../output/command-result.ts";
import { formatBytes, formatDuration } from "../output/format.ts";
import { targetStore } from "../target/snapshot-target.ts";
import { targetKey } from "../target/target-key.ts";
import { describeDifference } from "./describe-difference.ts";

/** Whether the committed snapshots are whole and were made from the present inputs. */
export async function lintCommand(context: CommandContext, names: readonly string[]): Promise<CommandResult> {
  const loaded = await loadConfig(context.cwd, context.configFile);
  const findings: Linted[] = [];
  for (const [name, target] of chooseTargets(loaded, names)) {
    context.progress.show(name, { phase: "fingerprint" });
    findings.push(await lintTarget(context, { name, target, directory: loaded.directory }));
  }
  const fine = findings.every(({ finding: { status } }) => status === "fresh" || status === "no-snapshot");
  return {
    json: { fresh: fine, targets: findings.map(({ finding }) => finding) },
    text: findings.map(({ text }) => text).join("\n\n"),
    exitCode: fine ? exitCodes.ok : exitCodes.negative,
  };
}

interface Finding {
  readonly target: string;
  readonly status: SnapshotCheck["status"] | "no-snapshot";
  readonly reason?: string | undefined;
  readonly changes?: readonly string[] | undefined;
  readonly fix?: string | undefined;
}

interface Linted {
  readonly finding: Finding;
  /** The same in words. */
  readonly text: string;
}

interface LintSubject {
  readonly name: string;
  readonly target: TargetConfig;
  readonly directory: string;
}

async function lintTarget(
  context: CommandContext,
  { name, target, directory }: LintSubject,
): Promise<Linted> {
  const { colors, environment, signal } = context;
  const store = targetStore(target, directory);
  if (!store) {
    return {
      finding: { target: name, status: "no-snapshot" },
      text: `${colors.dim("–")} ${name}: keeps no committed snapshot`,
    };
  }
  const [{ checkSnapshot }, key] = await Promise.all([
    import("@headstart/pg-snapshot"),
    targetKey({ name, target, directory, environment, signal }),
  ]);
  const check = await checkSnapshot(store, { target: name, digest: key.digest }, { signal });
  if (check.status === "fresh") return fresh(context, name, { target, manifest: check.manifest });
  const changes = check.status === "stale" ? await changesSince(check.manifest, key.manifest) : [];
  const fix = `npx headstart prepare ${quoteForShell(name)} --update-snapshot`;
  const folder = relative(context.cwd, directory) || ".";
  const manifest = check.status === "stale" ? check.manifest : undefined;
  const text = [
    `${colors.red("✗")} ${colors.bold(name)}: the committed snapshot is ${colors.red(check.status)}`,
    `  ${check.reason}`,
    ...changes.map((line) => `    ${line}`),
    "",
    "  Tests and tools start from this snapshot, so it has to match its inputs. Make it anew and commit it:",
    `    ${colors.bold(folder === "." ? fix : `cd ${quoteForShell(folder)} && ${fix}`)}`,
    `  ${needs(manifest)}`,
  ].join("\n");
  return { finding: { target: name, status: check.status, reason: check.reason, changes, fix }, text };
}

function fresh(
  { colors }: CommandContext,
  name: string,
  { target, manifest }: { target: TargetConfig; manifest: SnapshotManifest },
): Linted {
  const { bytes } = manifest.dump;
  const limit = target.snapshot?.warnAboveBytes ?? Infinity;
  const large =
    bytes > limit
      ? `\n  ${colors.yellow("!")} it has ${formatBytes(bytes)}, more than ${formatBytes(limit)}: every version of it stays in the repository for ever. Strip more, or track *.pgdump with Git LFS.`
      : "";
  const text = `${colors.green("✓")} ${name}: the committed snapshot is fresh (${formatBytes(bytes)}, made ${manifest.createdAt.slice(0, 10)})${large}`;
  return { finding: { target: name, status: "fresh" }, text };
}

async function changesSince(manifest: SnapshotManifest, present: string): Promise<string[]> {
  const { compare, FingerprintError } = await import("@headstart/fingerprint");
  try {
    return describeDifference(compare(manifest.files.map((line) => `${line}\n`).join(""), present));
  } catch (error) {
    if (!(error instanceof FingerprintError)) throw error;
    return [`(which files cannot be told: ${error.message})`];
  }
}

function needs(manifest: SnapshotManifest | undefined): string {
  const buildMs = manifest?.buildMs ?? undefined;
  const time =
    buildMs === undefined ? "" : `, and about ${formatDuration(buildMs)}, which the last build took`;
  return `It needs a Postgres server (DATABASE_URL, or an installation that an embedded server is started from), pg_dump${time}.`;
}

function quoteForShell(text: string): string {
  return /^[\w./@:-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
