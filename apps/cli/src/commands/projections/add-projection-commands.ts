import { type Command, InvalidArgumentError } from "commander";
import type { Adding, Work } from "../../adding.ts";
import { parseCount } from "../../parse-quantity.ts";
import type { DatabaseFlags } from "./open-projections.ts";
import type { RebuildFlags } from "./rebuild.ts";
import type { RedriveFlags } from "./redrive.ts";
import type { VerifyFlags } from "./verify.ts";

/** `headstart projections …`: read models that are kept in Postgres. None of these needs a healthy boot. */
export function addProjectionCommands({ add, run }: Adding): void {
  const group = add("projections", "read models: how they stand, proof, repair", [
    "headstart projections status",
    "headstart projections verify --share 0.1 --round 3",
    "headstart projections prebuild   # before a deployment",
  ]);
  const command = (usage: string, summary: string, examples: readonly string[]): Command =>
    add(usage, summary, examples, group).option(
      "--database <name>",
      "a database of that server, for example a clone (default: the one the address names)",
    );
  addLooking(command, run);
  addBuilding(command, run);

  command("redrive <projection>", "fold keys that were set aside again, with the code as it is now", [
    "headstart projections redrive balances",
    "headstart projections redrive balances --key account-1",
  ])
    .option("--key <key>", "this key alone, whatever its row is now")
    .action(async (projection: string, flags: RedriveFlags) => {
      const { redriveCommand } = await import("./redrive.ts");
      await run(async (context) => await redriveCommand(context, projection, flags));
    });

  command("restamp", "say that a database that was restored from elsewhere lives here now", [
    "headstart projections restamp --database restored",
  ]).action(async (flags: DatabaseFlags) => {
    const { restampCommand } = await import("./restamp.ts");
    await run(async (context) => await restampCommand(context, flags));
  });
}

type Group = (usage: string, summary: string, examples: readonly string[]) => Command;

function addLooking(command: Group, run: (work: Work) => Promise<void>): void {
  command("status [projections...]", "what a boot would find, lag, versions, who holds readers back", [
    "headstart projections status",
    "headstart projections status --database hs_k_canvases_x1y2 --json",
  ]).action(async (names: string[], flags: DatabaseFlags) => {
    const { projectionStatusCommand } = await import("./status.ts");
    await run(async (context) => await projectionStatusCommand(context, names, flags));
  });

  command("verify [projections...]", "fold the log again, and name the first key and event that differ", [
    "headstart projections verify",
    "headstart projections verify balances --share 0.1 --round 3",
    "headstart projections verify --continuous --rate 5000",
  ])
    .option("--share <part>", "the part of the keys to look at, for example 0.1", parseShare)
    .option("--round <number>", "which part that is; 0 up to 1 / share - 1 see every key", parseCount)
    .option("--rate <events>", "events to read in a second, at most", parsePositive)
    .option("--continuous", "go on, part by part, until something differs")
    .action(async (names: string[], flags: VerifyFlags) => {
      const { verifyProjectionsCommand } = await import("./verify.ts");
      await run(async (context) => await verifyProjectionsCommand(context, names, flags));
    });
}

function addBuilding(command: Group, run: (work: Work) => Promise<void>): void {
  const noWait = ["--no-wait", "fail at once while another process builds the same"] as const;
  command("rebuild <projections...>", "build rows anew beside the present ones, and swap them", [
    "headstart projections rebuild balances",
  ])
    .option(...noWait)
    .action(async (names: string[], flags: RebuildFlags) => {
      const { rebuildCommand } = await import("./rebuild.ts");
      await run(async (context) => await rebuildCommand(context, names, flags));
    });

  command(
    "prebuild [projections...]",
    "build the rows of this code before it is deployed; nobody sees them",
    ["headstart projections prebuild", "headstart projections prebuild balances --no-wait"],
  )
    .option(...noWait)
    .action(async (names: string[], flags: RebuildFlags) => {
      const { prebuildCommand } = await import("./rebuild.ts");
      await run(async (context) => await prebuildCommand(context, names, flags));
    });
}

function parseShare(text: string): number {
  const share = Number(text);
  if (text.trim() === "" || !(share > 0 && share <= 1))
    throw new InvalidArgumentError("expected a part above 0 and up to 1, for example 0.1");
  return share;
}

function parsePositive(text: string): number {
  const count = parseCount(text);
  if (count === 0) throw new InvalidArgumentError("expected a number above 0");
  return count;
}
