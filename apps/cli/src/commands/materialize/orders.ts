import type { CommandContext } from "../../command-context.ts";
import type { CommandResult } from "../../output/command-result.ts";
import { printable } from "../../output/format.ts";
import { commandLine } from "../../output/quote-for-shell.ts";
import { chooseBranch, chooseRepository, type Names } from "./choose-branch.ts";
import { livingWorkers } from "./living-workers.ts";
import { withMaterializer, type OpenMaterialize } from "./open-materialize.ts";

/** Gives parked and failed branches another go. */
export async function redriveCommand(context: CommandContext, names: Names): Promise<CommandResult> {
  return await withMaterializer(context, async (open) => {
    const repository = await chooseRepository(open, names);
    const branch = names.branch === undefined ? undefined : (await chooseBranch(open, names)).branch;
    const redriven = await open.materializer.redrive({ repository, ...(branch !== undefined && { branch }) });
    const what = redriven === 1 ? "1 branch is" : `${redriven} branches are`;
    return {
      json: { repository, branch, redriven },
      text: redriven === 0 ? "nothing had failed" : `${what} due again`,
      notes: redriven === 0 ? [] : await whoBuilds(open, repository),
    };
  });
}

/** Orders a build from nothing but git; what is served stays until it is there. */
export async function rebuildBranchCommand(context: CommandContext, names: Names): Promise<CommandResult> {
  return await withMaterializer(context, async (open) => {
    const chosen = await chooseBranch(open, names);
    await open.materializer.rebuild(chosen);
    return {
      json: { ...chosen, ordered: true },
      text: `${printable(chosen.branch)} is built again from git alone; what is served stays until then`,
      notes: await whoBuilds(open, chosen.repository, chosen.branch),
    };
  });
}

export async function pauseCommand(context: CommandContext, names: Names): Promise<CommandResult> {
  return await withMaterializer(context, async (open) => {
    const repository = await chooseRepository(open, names);
    await open.materializer.pause(repository);
    return {
      json: { repository, paused: true },
      text: `${printable(repository)} is paused: nothing is looked at or built, what is served stays`,
      notes: [`go on with: headstart materialize resume ${commandLine([repository])}`],
    };
  });
}

export async function resumeCommand(context: CommandContext, names: Names): Promise<CommandResult> {
  return await withMaterializer(context, async (open) => {
    const repository = await chooseRepository(open, names);
    await open.materializer.resume(repository);
    return {
      json: { repository, paused: false },
      text: `${printable(repository)} goes on: it is looked at now`,
      notes: await whoBuilds(open, repository),
    };
  });
}

/** Lets through what the guard against mass deletion holds back. */
export async function confirmDeletionsCommand(context: CommandContext, names: Names): Promise<CommandResult> {
  return await withMaterializer(context, async (open) => {
    const repository = await chooseRepository(open, names);
    const { rows } = await open.db.query<{ guard: string | null }>(
      "select guard from headstart_materializer.repositories where name = $1",
      [repository],
    );
    const guard = rows[0]?.guard ?? null;
    await open.materializer.confirmDeletions(repository);
    return {
      json: { repository, confirmed: guard !== null, guard },
      text:
        guard === null
          ? "no deletion was held back"
          : `what is missing from ${printable(repository)} counts as deleted at the next look`,
      notes: guard === null ? [] : await whoBuilds(open, repository),
    };
  });
}

/** An order that nobody is there to carry out says so. */
async function whoBuilds({ db }: OpenMaterialize, repository: string, branch?: string): Promise<string[]> {
  if ((await livingWorkers(db)).length > 0) return [];
  const words = commandLine(branch === undefined ? [repository] : [repository, branch]);
  return [`no worker is alive; do it here: headstart materialize sync ${words}`];
}
