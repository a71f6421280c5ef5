import type { Difference, Fingerprint } from "@headstart/fingerprint";
import type { SnapshotLookup } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import { chooseTargets, type ConfiguredTarget } from "../config/choose-targets.ts";
import { loadConfig } from "../config/load-config.ts";
import type { CommandResult } from "../output/command-result.ts";
import { formatTable, printable } from "../output/format.ts";
import { targetKey } from "../target/target-key.ts";
import { describeDifference, differenceJson } from "./describe-difference.ts";

/** The key of each target; explained, what it is made of and how it differs from the committed snapshot's. */
export async function fingerprintCommand(
  context: CommandContext,
  names: readonly string[],
  { explain = false }: { explain?: boolean | undefined },
): Promise<CommandResult> {
  const loaded = await loadConfig(context);
  const results: Keyed[] = [];
  for (const configured of chooseTargets(loaded, names)) {
    const { name } = configured;
    context.progress.show(name, { phase: "fingerprint" });
    const { environment, signal } = context;
    const key = await targetKey(configured, { environment, signal });
    results.push({ name, key, explanation: explain ? await explainKey(configured, key) : undefined });
  }
  const onlyDigest = results.length === 1 && !explain;
  return {
    json: { targets: results.map(keyedJson) },
    text: results
      .map((result) => (onlyDigest ? result.key.digest : describe(result, context)))
      .join(explain ? "\n\n" : "\n"),
  };
}

interface Keyed {
  readonly name: string;
  readonly key: Fingerprint;
  readonly explanation: Explanation | undefined;
}

interface Explanation {
  /** Number of files by root. */
  readonly roots: ReadonlyMap<string, number>;
  /** Names of the inputs that are no files. */
  readonly inputs: readonly string[];
  readonly snapshot: SnapshotLookup["status"] | "none";
  readonly changes?: Difference | undefined;
}

async function explainKey(configured: ConfiguredTarget, key: Fingerprint): Promise<Explanation> {
  const [{ compare, parseManifest }, { targetStore }] = await Promise.all([
    import("@headstart/fingerprint"),
    import("../target/target-store.ts"),
  ]);
  const roots = new Map<string, number>();
  const inputs: string[] = [];
  for (const { path } of parseManifest(key.manifest)) {
    if (path.startsWith("@input/")) inputs.push(path.slice("@input/".length));
    else {
      const root = path.split("/", 1)[0] ?? path;
      roots.set(root, (roots.get(root) ?? 0) + 1);
    }
  }
  const lookup = await targetStore(configured)?.find(configured.name, key.digest);
  const before =
    lookup?.status === "stale" ? lookup.manifest.files.map((line) => `${line}\n`).join("") : undefined;
  const changes = before === undefined ? undefined : compare(before, key.manifest);
  return { roots, inputs, snapshot: lookup?.status ?? "none", changes };
}

function keyedJson({ name, key, explanation }: Keyed): object {
  const { digest, files, filesRead, manifest } = key;
  if (explanation === undefined) return { target: name, digest, files, filesRead };
  const { roots, changes, ...rest } = explanation;
  return {
    target: name,
    digest,
    files,
    filesRead,
    roots: Object.fromEntries(roots),
    ...rest,
    changes: changes && differenceJson(changes),
    manifest,
  };
}

function describe({ name, key, explanation }: Keyed, { colors }: CommandContext): string {
  if (explanation === undefined) return `${key.digest}  ${printable(name)}`;
  const { roots, inputs, snapshot, changes } = explanation;
  const against = {
    none: "the target keeps no committed snapshot",
    missing: "there is no committed snapshot to compare with",
    found: "the committed snapshot was made from exactly this",
    stale: "since the committed snapshot was made:",
    torn: "the committed snapshot is torn: headstart lint",
    corrupt: "the committed snapshot is corrupt: headstart lint",
  }[snapshot];
  const rows = [
    ...[...roots].map(([root, files]) => [`  ${printable(root)}`, files === 1 ? "1 file" : `${files} files`]),
    ...inputs.map((input) => [`  @input/${printable(input)}`, ""]),
  ];
  return [
    `${colors.bold(printable(name))}  ${key.digest}`,
    formatTable(rows),
    `  ${against}`,
    ...(changes ? describeDifference(changes).map((line) => `    ${line}`) : []),
  ].join("\n");
}
