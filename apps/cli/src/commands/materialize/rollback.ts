import type { Version } from "@headstart/materializer";
import { CliError } from "../../cli-error.ts";
import type { CommandContext } from "../../command-context.ts";
import type { CommandResult } from "../../output/command-result.ts";
import { printable } from "../../output/format.ts";
import { commandLine } from "../../output/quote-for-shell.ts";
import { chooseBranch, type ChosenBranch, type Names } from "./choose-branch.ts";
import { withMaterializer } from "./open-materialize.ts";

export interface RollbackFlags {
  /** A kept version's commit, or how it begins. */
  readonly to?: string | undefined;
  readonly reason?: string | undefined;
}

/** Serves an older version and pins the branch there. Without `--to` it is the one before what is served that differs from it. */
export async function rollbackCommand(
  context: CommandContext,
  names: Names,
  { to, reason }: RollbackFlags,
): Promise<CommandResult> {
  return await withMaterializer(context, async ({ materializer, ...open }) => {
    const chosen = await chooseBranch({ materializer, ...open }, names);
    const { servedOid } = await materializer.branch(chosen);
    const wanted = to === undefined ? undefined : named(chosen, await materializer.history(chosen), to);
    const version = await materializer.rollback(chosen, {
      ...(wanted !== undefined && { to: wanted.oid }),
      ...(reason !== undefined && { reason }),
    });
    return {
      json: { ...chosen, from: servedOid, to: version.oid, version: version.id },
      text: `${printable(chosen.branch)} serves ${version.oid.slice(0, 12)} instead of ${servedOid?.slice(0, 12) ?? "nothing"}, and is pinned there`,
      notes: [`new commits are built and not served until: headstart materialize unpin ${words(chosen)}`],
    };
  });
}

function named(chosen: ChosenBranch, versions: readonly Version[], to: string): Version {
  const matching = versions.filter(({ oid }) => oid.startsWith(to.toLowerCase()));
  const commits = [...new Set(matching.map(({ oid }) => oid))];
  const [found] = matching;
  if (found !== undefined && commits.length === 1 && to.length >= 4) return found;
  const message =
    commits.length > 1
      ? `"${to}" is the beginning of ${commits.length} kept versions`
      : `"${chosen.branch}" has no kept version that begins with "${to}"`;
  throw new CliError("VERSION_UNKNOWN", message, {
    hint: `headstart materialize history ${words(chosen)} lists what is kept; give at least four digits`,
  });
}

/** Ends a rollback. */
export async function unpinCommand(context: CommandContext, names: Names): Promise<CommandResult> {
  return await withMaterializer(context, async (open) => {
    const chosen = await chooseBranch(open, names);
    const { pinnedAt } = await open.materializer.branch(chosen);
    await open.materializer.unpin(chosen);
    const { servedOid } = await open.materializer.branch(chosen);
    return {
      json: { ...chosen, pinned: false, was: pinnedAt !== null, served: servedOid },
      text:
        pinnedAt === null
          ? `${printable(chosen.branch)} was not pinned`
          : `${printable(chosen.branch)} serves ${servedOid?.slice(0, 12) ?? "nothing"}, its newest version, again`,
    };
  });
}

function words({ repository, branch }: ChosenBranch): string {
  return commandLine([repository, branch]);
}
