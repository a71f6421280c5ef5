import type { CommandContext } from "../command-context.ts";
import { chooseTargets, loadConfig } from "../config/load-config.ts";
import { CliError } from "../cli-error.ts";
import type { CommandResult } from "../output/command-result.ts";
import { openServer } from "../server/open-server.ts";
import { snapshotTarget } from "../target/snapshot-target.ts";

/** A database of one's own that stays until it is dropped. */
export async function cloneCommand(
  context: CommandContext,
  target: string | undefined,
  { name }: { name?: string | undefined },
): Promise<CommandResult> {
  const loaded = await loadConfig(context.cwd, context.configFile);
  const chosen = chooseTargets(loaded, target === undefined ? [] : [target]);
  const [first] = chosen;
  if (first === undefined || chosen.length > 1) {
    throw new CliError("USAGE", "which target?", {
      hint: `one of: ${chosen.map(([key]) => key).join(", ")}`,
    });
  }
  const { prepare } = await import("@headstart/pg-snapshot");
  await using server = await openServer(loaded.config, context, { keepRunning: true });
  const { environment, signal } = context;
  const subject = snapshotTarget({
    name: first[0],
    target: first[1],
    directory: loaded.directory,
    environment,
  });
  const onProgress = (progress: Parameters<typeof context.progress.show>[1]): void =>
    context.progress.show(first[0], progress);
  const { tools } = loaded.config.server;
  await using prepared = await prepare(subject, {
    server: server.url,
    save: "never",
    tools,
    signal,
    onProgress,
  });
  const clone = await prepared.template.keepClone({ name, signal });
  const stays = server.embedded
    ? "\nThe embedded server stays running; stop it with: headstart server stop"
    : "";
  return {
    json: {
      target: first[0],
      name: clone.name,
      url: clone.url,
      tier: prepared.tier,
      embedded: server.embedded,
    },
    text: `${clone.url}\n\npsql '${clone.url}'\nheadstart drop ${clone.name}${stays}`,
  };
}
