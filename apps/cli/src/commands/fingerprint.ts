import type { CommandContext } from "../command-context.ts";
import { chooseTargets, loadConfig } from "../config/load-config.ts";
import type { CommandResult } from "../output/command-result.ts";
import { formatTable, printable } from "../output/format.ts";
import { targetKey } from "../target/target-key.ts";
import { targetStore } from "../target/snapshot-target.ts";
import { describeDifference } from "./describe-difference.ts";

/** The key of each target; explained, what it is made of and how it differs from the committed snapshot. */
export async function fingerprintCommand(
  context: CommandContext,
  names: readonly string[],
  { explain = false }: { explain?: boolean | undefined },
): Promise<CommandResult> {
  const { environment, signal, colors } = context;
  const loaded = await loadConfig(context.cwd, context.configFile);
  const { parseManifest, compare } = await import("@headstart/fingerprint");
  const { directory } = loaded;
  const results = [];
  for (const [name, target] of chooseTargets(loaded, names)) {
    context.progress.show(name, { phase: "fingerprint" });
    const key = await targetKey({ name, target, directory, environment, signal });
    const entries = parseManifest(key.manifest);
    const roots = new Map<string, number>();
    for (const { path } of entries) {
      const root = path.startsWith("@input/") ? path : (path.split("/", 1)[0] ?? path);
      roots.set(root, (roots.get(root) ?? 0) + 1);
    }
    const lookup = explain ? await targetStore(target, directory)?.find(name, key.digest) : undefined;
    const changes =
      lookup?.status === "stale"
        ? describeDifference(compare(lookup.manifest.files.map((line) => `${line}\n`).join(""), key.manifest))
        : [];
    results.push({
      target: name,
      digest: key.digest,
      files: key.files,
      filesRead: key.filesRead,
      roots: Object.fromEntries(roots),
      manifest: key.manifest,
      snapshot: lookup?.status,
      changes,
    });
  }
  const text = results
    .map((result) => {
      if (!explain) return results.length === 1 ? result.digest : `${result.digest}  ${result.target}`;
      const parts = Object.entries(result.roots).map(([root, files]) => [
        `  ${printable(root)}`,
        root.startsWith("@input/") ? "" : `${files} files`,
      ]);
      const against =
        result.snapshot === undefined
          ? "no committed snapshot to compare with"
          : result.snapshot === "found"
            ? "the committed snapshot was made from exactly this"
            : `the committed snapshot is ${result.snapshot}`;
      return [
        `${colors.bold(result.target)}  ${result.digest}`,
        formatTable(parts),
        `  ${against}`,
        ...result.changes.map((line) => `    ${line}`),
      ].join("\n");
    })
    .join("\n");
  const json = {
    targets: results.map(({ manifest, ...result }) => (explain ? { ...result, manifest } : result)),
  };
  return { json, text };
}
