import { join } from "node:path";
import type { BuildDatabase } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import type { ConfiguredTarget } from "../config/choose-targets.ts";
import { projectCache, shortHash } from "../target/project-cache.ts";
import { withEnvironment } from "../with-environment.ts";
import { buildEnvironment } from "./build-environment.ts";
import { runCommand } from "./run-command.ts";

/**
 * Fills the empty database by the target's command or function. Both see the same environment.
 *
 * @throws {PgSnapshotError} `BUILD_FAILED`, or what the function throws
 */
export async function runBuild(
  { name, target, directory }: ConfiguredTarget,
  environment: CommandContext["environment"],
  database: BuildDatabase,
): Promise<void> {
  const variables = buildEnvironment(environment, target.environment, database.url);
  const { build } = target;
  if (typeof build === "function") {
    await withEnvironment(variables, async () => await build(database));
    return;
  }
  const logFile = join(await projectCache(directory, environment), `${shortHash(name)}.build.log`);
  await runCommand({ command: build.command, directory, variables, logFile }, database);
}
