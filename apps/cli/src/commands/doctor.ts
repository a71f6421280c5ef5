import { accessSync, constants, existsSync } from "node:fs";
import { dirname } from "node:path";
import type { CommandContext } from "../command-context.ts";
import { chooseTargets } from "../config/choose-targets.ts";
import { loadConfig, type LoadedConfig } from "../config/load-config.ts";
import { exitCodeOf, exitCodes, isErrorCode, type ExitCode } from "../exit-codes.ts";
import type { CommandResult } from "../output/command-result.ts";
import { formatTable, printable } from "../output/format.ts";
import { projectCache } from "../target/project-cache.ts";
import { failed, type Check } from "./check.ts";
import { checkInputs } from "./check-inputs.ts";
import { checkServer, type SnapshotNeeds } from "./check-server.ts";

/** Looks at everything that a preparation needs, and changes nothing. */
export async function doctorCommand(context: CommandContext): Promise<CommandResult> {
  const checks: Check[] = [checkNode()];
  const loaded = await loadConfig(context).catch((error: unknown) => {
    checks.push(failed("configuration", error));
    return undefined;
  });
  if (loaded) {
    const count = Object.keys(loaded.config.targets).length;
    const detail = `${loaded.file}, ${count} ${count === 1 ? "target" : "targets"}`;
    checks.push({ name: "configuration", verdict: "ok", detail }, ...checkInputs(loaded));
  }
  checks.push(await checkCache(context, loaded));
  checks.push(...(await checkServer(context, loaded?.config.server, await snapshotNeeds(loaded))));
  return {
    json: { healthy: checks.every(({ verdict }) => verdict !== "fail"), checks },
    text: describe(checks, context),
    exitCode: exitCode(checks),
  };
}

function describe(checks: readonly Check[], { colors }: CommandContext): string {
  const marks = { ok: colors.green("ok"), warn: colors.yellow("warn"), fail: colors.red("fail") };
  const rows = checks.flatMap(({ name, verdict, detail, fix }) => [
    [marks[verdict], printable(name), printable(detail, 300)],
    ...(fix === undefined ? [] : [["", "", `→ ${printable(fix, 400)}`]]),
  ]);
  return formatTable(rows);
}

/** The first failure decides. */
function exitCode(checks: readonly Check[]): ExitCode {
  const failure = checks.find(({ verdict }) => verdict === "fail");
  if (failure === undefined) return exitCodes.ok;
  return isErrorCode(failure.code) ? exitCodeOf(failure.code) : exitCodes.environment;
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const fits = major > 20 || (major === 20 && minor >= 19);
  return {
    name: "node",
    verdict: fits ? "ok" : "fail",
    detail: process.versions.node,
    fix: fits ? undefined : "install Node 20.19 or newer",
  };
}

/** Whether the cache could be written; it is not made for the purpose. */
async function checkCache(context: CommandContext, loaded: LoadedConfig | undefined): Promise<Check> {
  const directory = await projectCache(loaded?.directory ?? context.cwd, context.environment);
  let existing = directory;
  while (!existsSync(existing)) existing = dirname(existing);
  try {
    accessSync(existing, constants.W_OK);
    return { name: "cache", verdict: "ok", detail: directory };
  } catch (error) {
    return {
      name: "cache",
      verdict: "warn",
      detail: `"${existing}" cannot be written (${(error as NodeJS.ErrnoException).code}): every run reads every file`,
      fix: "name a folder that you may write in HEADSTART_CACHE",
    };
  }
}

/** What the committed snapshots need of a server. */
async function snapshotNeeds(loaded: LoadedConfig | undefined): Promise<SnapshotNeeds> {
  const targets = loaded ? chooseTargets(loaded, []) : [];
  const { targetStore } = await import("../target/target-store.ts");
  const extensions = new Set<string>();
  for (const configured of targets) {
    // Whether it is fresh does not matter here, and a digest that matches nothing tells just as well.
    const lookup = await targetStore(configured)?.find(configured.name, "");
    if (lookup?.status === "stale") for (const { name } of lookup.manifest.extensions) extensions.add(name);
  }
  const tools = targets.some(({ target }) => target.snapshot !== undefined);
  return { tools, extensions: [...extensions].sort() };
}
