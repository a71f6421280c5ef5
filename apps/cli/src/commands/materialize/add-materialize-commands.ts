import { type Command, Option } from "commander";
import type { CommandContext } from "../../command-context.ts";
import type { Adding } from "../../adding.ts";
import type { CommandResult } from "../../output/command-result.ts";
import { parseCount, parseTimeout } from "../../parse-quantity.ts";
import type { Names } from "./choose-branch.ts";
import type { PlanFlags } from "./plan.ts";
import type { RollbackFlags } from "./rollback.ts";
import type { StatusFlags } from "./status.ts";
import type { SyncFlags } from "./sync.ts";
import type { VerifyFlags } from "./verify.ts";

type BranchCommand<Flags> = (context: CommandContext, names: Names, flags: Flags) => Promise<CommandResult>;
type Load<Flags> = () => Promise<BranchCommand<Flags>>;

/** Adds a command about a repository or branch, by position or by option. */
type AddBranchCommand = <Flags extends Names>(
  usage: string,
  summary: string,
  examples: readonly string[],
  load: Load<Flags>,
) => Command;

const aboutConfig = "the worker's configuration (default: headstart-worker.config.* here or above)";

/** `headstart materialize …`: git branches that workers keep in Postgres. Nothing is loaded until one runs. */
export function addMaterializeCommands({ add, run }: Adding): void {
  const group = add("materialize", "git branches in Postgres: how they stand, why, proof, repair", [
    "headstart materialize status",
    "headstart materialize sync handbook main",
    "headstart materialize explain handbook drafts/x",
  ]);
  describeConfig(group);
  const command: AddBranchCommand = (usage, summary, examples, load) => {
    const added = add(usage, summary, examples, group);
    describeConfig(added);
    const takesBranch = usage.includes("[branch]");
    added.option("--repository <name>", "the repository; may be left out where there is one");
    if (takesBranch) added.option("--branch <name>", "the branch; without it the live one, or all of them");
    return added.action(async (...given: [string | undefined, ...unknown[]]) => {
      const [repository, second] = given;
      const flags = added.opts<Parameters<Awaited<ReturnType<typeof load>>>[2]>();
      const branch = takesBranch && typeof second === "string" ? second : undefined;
      const names = named(added, { repository, branch }, flags);
      const work = await load();
      await run(async (context) => await work(context, names, flags));
    });
  };
  addLooking(command);
  addOrders(command);
  addVersions(command);
}

function describeConfig(command: Command): void {
  const option = command.options.find(({ long }) => long === "--config");
  if (option !== undefined) option.description = aboutConfig;
}

function named(command: Command, byPosition: Names, byOption: Names): Names {
  for (const key of ["repository", "branch"] as const) {
    const [one, other] = [byPosition[key], byOption[key]];
    if (one !== undefined && other !== undefined && one !== other)
      command.error(`error: the ${key} is named twice: ${one} and ${other}`);
  }
  return {
    repository: byPosition.repository ?? byOption.repository,
    branch: byPosition.branch ?? byOption.branch,
  };
}

function addLooking(command: AddBranchCommand): void {
  command<StatusFlags & Names>(
    "status [repository] [branch]",
    "counts, and the branches that need somebody",
    [
      "headstart materialize status",
      "headstart materialize status --failed",
      "headstart materialize status handbook 'drafts/*' --limit 100 --json",
    ],
    async () => (await import("./status.ts")).branchStatusCommand,
  )
    .option("--failed", "only what is in error or parked")
    .addOption(
      new Option("--state <states...>", "only these").choices([
        "pending",
        "building",
        "ready",
        "error",
        "parked",
      ]),
    )
    .option("--all", "also what is ready")
    .option("--limit <count>", "branches to list at most (default: 20)", parseCount);

  command<Names>(
    "explain [repository] [branch]",
    "why a branch is or is not current, with the files in error",
    ["headstart materialize explain handbook", "headstart materialize explain handbook drafts/x --json"],
    async () => (await import("./explain.ts")).explainCommand,
  );

  command<PlanFlags & Names>(
    "plan [repository] [branch]",
    "which rows a branch's tip would change; publishes nothing",
    [
      "headstart materialize plan handbook drafts/x",
      "headstart materialize plan handbook main --commit 4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    ],
    async () => (await import("./plan.ts")).planCommand,
  ).option("--commit <oid>", "a commit in full, instead of the tip");

  command<VerifyFlags & Names>(
    "verify [repository] [branch]",
    "project again from git alone, and compare with what is served",
    ["headstart materialize verify handbook", "headstart materialize verify handbook --all"],
    async () => (await import("./verify.ts")).verifyBranchesCommand,
  ).option("--all", "every branch that serves something, one after the other");
}

function addOrders(command: AddBranchCommand): void {
  command<SyncFlags & Names>(
    "sync [repository] [branch]",
    "wait until what is served is what git has",
    [
      "headstart materialize sync handbook main",
      "headstart materialize sync handbook --timeout 5m",
      "headstart materialize sync handbook --here   # without a worker",
    ],
    async () => (await import("./sync.ts")).syncCommand,
  )
    .option("--here", "do the work in this process; the default where no worker is alive")
    .option("--timeout <time>", "give up after this time, for example 30s (default: 10m)", parseTimeout);

  command<Names>(
    "rebuild [repository] [branch]",
    "order a build from nothing but git",
    ["headstart materialize rebuild handbook main"],
    async () => (await import("./orders.ts")).rebuildBranchCommand,
  );
  command<Names>(
    "redrive [repository] [branch]",
    "give parked and failed branches another go",
    ["headstart materialize redrive handbook", "headstart materialize redrive handbook drafts/x"],
    async () => (await import("./orders.ts")).redriveCommand,
  );
  command<Names>(
    "pause [repository]",
    "stop looking and building; what is served stays",
    ["headstart materialize pause handbook"],
    async () => (await import("./orders.ts")).pauseCommand,
  );
  command<Names>(
    "resume [repository]",
    "go on after a pause",
    ["headstart materialize resume handbook"],
    async () => (await import("./orders.ts")).resumeCommand,
  );
  command<Names>(
    "confirm-deletions [repository]",
    "let through what the guard against mass deletion holds back",
    ["headstart materialize confirm-deletions handbook"],
    async () => (await import("./orders.ts")).confirmDeletionsCommand,
  );
}

function addVersions(command: AddBranchCommand): void {
  command<Names>(
    "history [repository] [branch]",
    "the versions that are kept, newest first",
    ["headstart materialize history handbook main"],
    async () => (await import("./history.ts")).historyCommand,
  );
  command<RollbackFlags & Names>(
    "rollback [repository] [branch]",
    "serve an older version, and pin the branch there",
    [
      "headstart materialize rollback handbook main",
      "headstart materialize rollback handbook main --to 4b825dc6 --reason 'wrong prices'",
    ],
    async () => (await import("./rollback.ts")).rollbackCommand,
  )
    .option("--to <commit>", "a kept version's commit, or how it begins (default: the one before)")
    .option("--reason <text>", "goes into the event log");
  command<Names>(
    "unpin [repository] [branch]",
    "serve the newest version again",
    ["headstart materialize unpin handbook main"],
    async () => (await import("./rollback.ts")).unpinCommand,
  );
}
