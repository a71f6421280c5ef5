import type { Verification } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import { chooseTargets } from "../config/choose-targets.ts";
import { loadConfig } from "../config/load-config.ts";
import { exitCodes } from "../exit-codes.ts";
import type { CommandResult } from "../output/command-result.ts";
import { printable } from "../output/format.ts";
import { openServer } from "../server/open-server.ts";
import { snapshotTarget } from "../target/snapshot-target.ts";

/** Restores the committed snapshot and compares it with a built database. */
export async function verifyCommand(
  context: CommandContext,
  names: readonly string[],
  { rebuild = false }: { rebuild?: boolean | undefined },
): Promise<CommandResult> {
  const loaded = await loadConfig(context);
  // A target without a snapshot has nothing to verify, unless it was named.
  const targets = chooseTargets(loaded, names).filter(({ target }) => names.length > 0 || target.snapshot);
  const { verify } = await import("@headstart/pg-snapshot");
  await using server = await openServer(loaded.config.server, context);
  const results: VerifiedTarget[] = [];
  for (const configured of targets) {
    const { name, target } = configured;
    const verification = await verify(snapshotTarget(configured, context), {
      server: server.url,
      rebuild,
      tools: server.tools,
      deadlineMs: target.deadlineMs,
      signal: context.signal,
      onProgress: (step) => context.progress.show(name, step),
    });
    results.push({ target: name, ...verification });
  }
  const equal = results.every((result) => result.equal);
  return {
    json: { equal, targets: results },
    text: results.map((result) => describe(result, context)).join("\n") || "no target keeps a snapshot",
    exitCode: equal ? exitCodes.ok : exitCodes.negative,
  };
}

type VerifiedTarget = Verification & { readonly target: string };

/** Differences that are named; the rest is counted. */
const shown = 20;

function describe(result: VerifiedTarget, { colors }: CommandContext): string {
  const { equal, differences, reference } = result;
  const target = printable(result.target);
  const what = reference === "rebuild" ? "a database built anew" : "the built template";
  if (equal) return `${colors.green("✓")} ${target}: the restored snapshot equals ${what}`;
  const lines = differences.slice(0, shown).map(({ kind, name, left, right }) => {
    const sides = [left, right].map((side) => printable(side ?? "has none", 80));
    return `    ${kind} ${printable(name)}: snapshot ${sides[0]}, reference ${sides[1]}`;
  });
  const more = differences.length > shown ? [`    … and ${differences.length - shown} more`] : [];
  const head = `${colors.red("✗")} ${target}: the restored snapshot differs from ${what}`;
  return [head, ...lines, ...more].join("\n");
}
