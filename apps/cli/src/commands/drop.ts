import type { CommandContext } from "../command-context.ts";
import { loadConfig } from "../config/load-config.ts";
import { exitCodes } from "../exit-codes.ts";
import type { CommandResult } from "../output/command-result.ts";
import { printable } from "../output/format.ts";
import { openServer } from "../server/open-server.ts";

/** Drops databases by name, or every template of a target. Databases that headstart did not make are refused. */
export async function dropCommand(context: CommandContext, names: readonly string[]): Promise<CommandResult> {
  const { config } = await loadConfig(context.cwd, context.configFile);
  const { dropDatabaseByName, inventory } = await import("@headstart/pg-snapshot");
  await using server = await openServer(config, context);
  const options = { server: server.url, signal: context.signal };
  const items = await inventory(options);
  const dropped: string[] = [];
  const absent: string[] = [];
  for (const name of names) {
    const templates = items.flatMap((item) =>
      item.kind === "template" && item.description.target === name ? [item.name] : [],
    );
    for (const database of templates.length > 0 ? templates : [name]) {
      const gone = await dropDatabaseByName(database, options);
      (gone ? dropped : absent).push(database);
    }
  }
  const lines = [
    ...dropped.map((name) => `dropped ${name}`),
    ...absent.map((name) => `no database "${printable(name)}"`),
  ];
  return {
    json: { dropped, absent },
    text: lines.join("\n"),
    exitCode: absent.length > 0 ? exitCodes.negative : exitCodes.ok,
  };
}
