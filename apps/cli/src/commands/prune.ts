import type { PruneBudget } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import { loadConfig } from "../config/load-config.ts";
import type { CommandResult } from "../output/command-result.ts";
import { formatBytes, formatTable } from "../output/format.ts";
import { openServer } from "../server/open-server.ts";

/** Drops templates beyond the budget, least recently used first, and what crashed processes left. */
export async function pruneCommand(
  context: CommandContext,
  budget: PruneBudget,
  { dryRun = false }: { dryRun?: boolean | undefined },
): Promise<CommandResult> {
  const { config } = await loadConfig(context.cwd, context.configFile);
  const { applyPrune, inventory, planPrune } = await import("@headstart/pg-snapshot");
  await using server = await openServer(config, context);
  const options = { server: server.url, signal: context.signal };
  const plan = planPrune(await inventory(options), budget, Date.now());
  const bytes = plan.reduce((sum, item) => sum + item.bytes, 0);
  const table = formatTable(plan.map((item) => [`  ${item.name}`, formatBytes(item.bytes), item.reason]));
  if (dryRun) {
    const head =
      plan.length === 0
        ? "nothing to drop"
        : `would drop ${plan.length} templates, ${formatBytes(bytes)}:\n${table}`;
    return { json: { dryRun: true, plan, bytes }, text: head };
  }
  const { dropped, kept } = await applyPrune(plan, options);
  const lines = [
    dropped.length === 0 ? "nothing to drop" : `dropped ${dropped.length} databases:`,
    ...dropped.map((name) => `  ${name}`),
    ...kept.map(({ name, reason }) => `  kept ${name}: ${reason}`),
  ];
  return { json: { dryRun: false, dropped, kept }, text: lines.join("\n") };
}
