import type { InventoryItem, PruneBudget } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import { loadConfigIfAny } from "../config/load-config.ts";
import type { CommandResult } from "../output/command-result.ts";
import { formatBytes, formatTable } from "../output/format.ts";
import { openServer } from "../server/open-server.ts";

/** Drops templates beyond the budget, least recently used first, and what crashed processes left. */
export async function pruneCommand(
  context: CommandContext,
  budget: PruneBudget,
  { dryRun = false }: { dryRun?: boolean | undefined },
): Promise<CommandResult> {
  const loaded = await loadConfigIfAny(context);
  const { applyPrune, inventory, planPrune } = await import("@headstart/pg-snapshot");
  await using server = await openServer(loaded?.config.server ?? {}, context);
  const options = { server: server.url, signal: context.signal };
  const items = await inventory(options);
  const templates = planPrune(items, budget, Date.now());
  const plan = [...templates, ...leftovers(items)];
  const bytes = plan.reduce((sum, item) => sum + item.bytes, 0);
  if (dryRun) {
    const table = formatTable(plan.map((item) => [`  ${item.name}`, formatBytes(item.bytes), item.reason]));
    const text =
      plan.length === 0
        ? "nothing to drop"
        : `would drop ${count(plan.length)}, ${formatBytes(bytes)}:\n${table}`;
    return { json: { dryRun, plan, bytes }, text };
  }
  const { dropped, kept } = await applyPrune(templates, options);
  const lines = [
    dropped.length === 0 ? "nothing to drop" : `dropped ${count(dropped.length)}:`,
    ...dropped.map((name) => `  ${name}`),
    ...kept.map(({ name, reason }) => `kept ${name}: ${reason}`),
  ];
  return { json: { dryRun, dropped, kept }, text: lines.join("\n") };
}

/** What processes left that are gone; it goes whatever the budget. */
function leftovers(items: readonly InventoryItem[]): { name: string; bytes: number; reason: string }[] {
  return items.flatMap((item) =>
    (item.kind === "clone" || item.kind === "scratch") && !item.alive
      ? [{ name: item.name, bytes: item.bytes, reason: "left by a process that is gone" }]
      : [],
  );
}

function count(databases: number): string {
  return databases === 1 ? "1 database" : `${databases} databases`;
}
