import type { VersionDifference } from "@headstart/materializer";
import { CliError } from "../../cli-error.ts";
import type { CommandContext } from "../../command-context.ts";
import { exitCodes } from "../../exit-codes.ts";
import type { CommandResult } from "../../output/command-result.ts";
import { printable } from "../../output/format.ts";
import { chooseBranch, fullRef, type ChosenBranch, type Names } from "./choose-branch.ts";
import { describeIssues } from "./explain.ts";
import { withMaterializer, type OpenMaterialize } from "./open-materialize.ts";

export interface PlanFlags {
  /** A commit in full, instead of the branch's tip. */
  readonly commit?: string | undefined;
}

/** Which rows the tip of a branch would change, were it served. Writes nothing. */
export async function planCommand(
  context: CommandContext,
  names: Names,
  { commit }: PlanFlags,
): Promise<CommandResult> {
  return await withMaterializer(
    context,
    async (open) => {
      const chosen = await chooseBranch(open, names);
      const { signal, progress } = context;
      progress.show(chosen.branch, { phase: "check", detail: "looking at git" });
      const oid = commit ?? (await tipOf(open, chosen));
      progress.show(chosen.branch, { phase: "compare", detail: oid });
      const { servedOid } = await open.materializer.branch(chosen);
      const difference = await open.materializer.diff({ ...chosen, oid }, { signal });
      const errors = difference.issues.filter(({ severity }) => severity === "error");
      const publishable = errors.length === 0 || (await isLenient(open, chosen.repository));
      return {
        json: { ...chosen, served: servedOid, oid, publishable, ...difference },
        text: describe(context, { chosen, servedOid, oid, publishable, difference }),
        exitCode: publishable ? exitCodes.ok : exitCodes.negative,
      };
    },
    { mindsSignal: true },
  );
}

async function tipOf(
  { materializer, context }: OpenMaterialize,
  { repository, branch }: ChosenBranch,
): Promise<string> {
  const tips = await materializer.tips(repository, { signal: context.signal });
  const tip = tips.find(({ ref }) => ref === fullRef(branch));
  if (tip !== undefined) return tip.oid;
  throw new CliError("BRANCH_UNKNOWN", `git has no branch "${branch}" any more`, {
    hint: "plan another commit: --commit <oid>",
  });
}

/** A lenient projector publishes what has errors, without the files that have them. */
async function isLenient({ config, db }: OpenMaterialize, repository: string): Promise<boolean> {
  const { rows } = await db.query<{ name: string }>(
    "select projector_name as name from headstart_materializer.repositories where name = $1",
    [repository],
  );
  return config.projectors.find(({ name }) => name === rows[0]?.name)?.policy === "lenient";
}

interface Planned {
  readonly chosen: ChosenBranch;
  readonly servedOid: string | null;
  readonly oid: string;
  readonly publishable: boolean;
  readonly difference: VersionDifference;
}

const shown = 30;

function describe({ colors }: CommandContext, plan: Planned): string {
  const { chosen, servedOid, oid, publishable, difference } = plan;
  const { added, changed, removed, issues } = difference;
  const rows = [
    ...added.map((row) => colors.green(`  + ${nameOf(row)}`)),
    ...changed.map(({ after }) => colors.yellow(`  ~ ${nameOf(after)}`)),
    ...removed.map((row) => colors.red(`  - ${nameOf(row)}`)),
  ];
  const title = `${printable(chosen.repository)} ${colors.bold(printable(chosen.branch))}: ${short(servedOid)} → ${short(oid)}`;
  const counts = `${added.length} added, ${changed.length} changed, ${removed.length} removed`;
  return [
    rows.length === 0 ? `${title}: no row changes` : `${title}: ${counts}`,
    ...rows.slice(0, shown),
    ...(rows.length > shown ? [`  … and ${rows.length - shown} more; --json has them all`] : []),
    ...(publishable ? [] : [colors.red("  it would not be published, for files have errors:")]),
    ...describeIssues(issues),
  ].join("\n");
}

function nameOf({ collection, key }: { collection: string; key: string }): string {
  return `${printable(collection)} ${printable(key)}`;
}

function short(oid: string | null): string {
  return oid === null ? "nothing" : oid.slice(0, 12);
}
