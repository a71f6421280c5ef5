import type { CommandContext } from "../command-context.ts";
import { chooseTargets, loadConfig } from "../config/load-config.ts";
import { exitCodes } from "../exit-codes.ts";
import type { CommandResult } from "../output/command-result.ts";
import { printable } from "../output/format.ts";
import { openServer } from "../server/open-server.ts";
import { snapshotTarget } from "../target/snapshot-target.ts";

/** Differences that are named; the rest is counted. */
const shown = 20;

/** Restores the committed snapshot and compares it with a built database. */
export async function verifyCommand(
  context: CommandContext,
  names: readonly string[],
  { rebuild = false }: { rebuild?: boolean | undefined },
): Promise<CommandResult> {
  const { environment, signal, progress, colors } = context;
  const loaded = await loadConfig(context.cwd, context.configFile);
  const { verify } = await import("@headstart/pg-snapshot");
  await using server = await openServer(loaded.config, context);
  const results = [];
  for (const [name, target] of chooseTargets(loaded, names)) {
    const subject = snapshotTarget({ name, target, directory: loaded.directory, environment });
    const verification = await verify(subject, {
      server: server.url,
      rebuild,
      tools: loaded.config.server.tools,
      signal,
      onProgress: (step) => progress.show(name, step),
    });
    results.push({ target: name, ...verification });
  }
  const equal = results.every((result) => result.equal);
  const text = results.map(({ target, differences, reference, ...result }) => {
    const what = reference === "rebuild" ? "a database built anew" : "the built template";
    if (result.equal) return `${colors.green("✓")} ${target}: the restored snapshot equals ${what}`;
    const lines = differences.slice(0, shown).map(({ kind, name, left, right }) => {
      const sides = `snapshot ${printable(left ?? "has none", 80)}, reference ${printable(right ?? "has none", 80)}`;
      return `    ${kind} ${printable(name)}: ${sides}`;
    });
    const more = differences.length > shown ? [`    … and ${differences.length - shown} more`] : [];
    return [
      `${colors.red("✗")} ${target}: the restored snapshot differs from ${what}`,
      ...lines,
      ...more,
    ].join("\n");
  });
  return {
    json: { equal, targets: results },
    text: text.join("\n"),
    exitCode: equal ? exitCodes.ok : exitCodes.negative,
  };
}
