import type { InventoryItem } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import { loadConfigIfAny } from "../config/load-config.ts";
import { exitCodes } from "../exit-codes.ts";
import type { CommandResult } from "../output/command-result.ts";
import { printable } from "../output/format.ts";
import { openServer } from "../server/open-server.ts";
import { didYouMean } from "../suggest.ts";

/**
 * Drops databases by name, or every template of a target, whichever checkout made them: the server knows of targets
 * by their names alone. Databases that headstart did not make are refused.
 */
export async function dropCommand(
  context: CommandContext,
  names: readonly string[],
  { dryRun = false }: { dryRun?: boolean | undefined },
): Promise<CommandResult> {
  const loaded = await loadConfigIfAny(context);
  const { dropDatabaseByName, inventory } = await import("@headstart/pg-snapshot");
  await using server = await openServer(loaded?.config.server ?? {}, context);
  const options = { server: server.url, signal: context.signal };
  const items = await inventory(options);
  const dropped: string[] = [];
  const absent: string[] = [];
  const plan = planDrop(items, names);
  for (const database of plan.databases) {
    const known = items.some((item) => item.name === database);
    const gone = dryRun ? known : await dropDatabaseByName(database, options);
    (gone ? dropped : absent).push(database);
  }
  const words = knownWords(items);
  const lines = [
    ...dropped.map((name) => `${dryRun ? "would drop" : "dropped"} ${name}`),
    ...absent.map((name) => `no database "${printable(name)}"${didYouMean(name, words)}`),
  ];
  return {
    json: { dryRun, targets: plan.targets, dropped, absent },
    text: lines.join("\n"),
    notes: plan.targets.map(
      (target) =>
        `"${printable(target)}" ${dryRun ? "stands" : "stood"} for every template of that name on the server, those of other checkouts too`,
    ),
    exitCode: absent.length > 0 ? exitCodes.negative : exitCodes.ok,
  };
}

interface DropPlan {
  readonly databases: readonly string[];
  /** Names that were taken for a target's. */
  readonly targets: readonly string[];
}

/** The databases that are meant: those of that name, else the templates of the target of that name. */
function planDrop(items: readonly InventoryItem[], names: readonly string[]): DropPlan {
  const targets = new Set<string>();
  const databases = names.flatMap((name) => {
    if (items.some((item) => item.name === name)) return [name];
    const templates = items.flatMap((item) =>
      item.kind === "template" && item.description.target === name ? [item.name] : [],
    );
    if (templates.length === 0) return [name];
    targets.add(name);
    return templates;
  });
  return { databases: [...new Set(databases)], targets: [...targets] };
}

function knownWords(items: readonly InventoryItem[]): string[] {
  const words = items.flatMap((item) =>
    item.kind === "template" ? [item.name, item.description.target] : [item.name],
  );
  return [...new Set(words)];
}
