import type { CommandContext } from "../command-context.ts";
import { chooseTarget } from "../config/choose-targets.ts";
import { loadConfig } from "../config/load-config.ts";
import type { CommandResult } from "../output/command-result.ts";
import { commandLine, quoteForShell } from "../output/quote-for-shell.ts";
import { openServer, type ServerConfig } from "../server/open-server.ts";
import { prepareTarget } from "./prepare-target.ts";

/** A database of one's own that stays until it is dropped. Its URL is the answer. */
export async function cloneCommand(
  context: CommandContext,
  targetName: string | undefined,
  { name }: { name?: string | undefined },
): Promise<CommandResult> {
  // Before what may take minutes.
  if (name !== undefined) {
    const { checkCloneName } = await import("@headstart/pg-snapshot");
    checkCloneName(name);
  }
  const loaded = await loadConfig(context);
  const configured = chooseTarget(loaded, targetName);
  const { config } = loaded;
  await using server = await openServer(config.server, context);
  await using prepared = await prepareTarget(context, configured, {
    server: server.url,
    save: "never",
    tools: server.tools,
  });
  const clone = await prepared.template.keepClone({ name, signal: context.signal });
  // Only now: a clone that could not be made is no reason to leave a server behind.
  if (server.embedded) await keepRunning(config.server, context);
  const notes = [
    `connect     psql ${quoteForShell(clone.url)}`,
    `drop it     headstart drop ${commandLine([clone.name])}`,
    ...(server.embedded ? ["its server  stays running until: headstart server stop"] : []),
  ];
  return {
    json: {
      target: configured.name,
      name: clone.name,
      url: clone.url,
      tier: prepared.tier,
      embedded: server.embedded,
    },
    text: clone.url,
    notes,
  };
}

async function keepRunning(server: ServerConfig, context: CommandContext): Promise<void> {
  const silent = { ...context, progress: { show: () => undefined, clear: () => undefined } };
  await using joined = await openServer(server, silent, { keepRunning: true });
  void joined;
}
