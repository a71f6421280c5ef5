import type { Verification } from "@headstart/materializer";
import type { CommandContext } from "../../command-context.ts";
import { exitCodes } from "../../exit-codes.ts";
import type { CommandResult } from "../../output/command-result.ts";
import { printable } from "../../output/format.ts";
import { chooseBranch, chooseRepository, shortName, type Names } from "./choose-branch.ts";
import { withMaterializer, type OpenMaterialize } from "./open-materialize.ts";

export interface VerifyFlags {
  /** Every branch that serves something. */
  readonly all?: boolean | undefined;
}

/** Projects what is served again, from git alone, and compares. Reads only. */
export async function verifyBranchesCommand(
  context: CommandContext,
  names: Names,
  { all }: VerifyFlags,
): Promise<CommandResult> {
  return await withMaterializer(context, async (open) => {
    const repository = await chooseRepository(open, names);
    const branches =
      all === true && names.branch === undefined
        ? await servedBranches(open, repository)
        : [(await chooseBranch(open, { ...names, repository })).branch];
    const verified: Verification[] = [];
    for (const [done, branch] of branches.entries()) {
      context.progress.show(repository, { phase: "compare", detail: branch, done, total: branches.length });
      verified.push(await open.materializer.verify({ repository, branch }, { signal: context.signal }));
    }
    const equal = verified.every(isProven);
    return {
      json: { equal, branches: verified },
      text: verified.map((each) => describe(each, context)).join("\n") || "no branch serves anything",
      exitCode: equal ? exitCodes.ok : exitCodes.negative,
    };
  });
}

/** What is served is what git gives, and what git has now. */
function isProven({ current, differences }: Verification): boolean {
  return current && differences.length === 0;
}

async function servedBranches({ db }: OpenMaterialize, repository: string): Promise<string[]> {
  const { rows } = await db.query<{ ref: string }>(
    `select b.ref from headstart_materializer.branches b
     join headstart_materializer.repositories r on r.id = b.repository_id
     where r.name = $1 and b.served_version is not null and b.deleted_at is null order by b.class <> 'live', b.ref`,
    [repository],
  );
  return rows.map(({ ref }) => shortName(ref));
}

const shown = 20;

function describe(verification: Verification, { colors }: CommandContext): string {
  const { ref, gitOid, servedOid, current, differences } = verification;
  const mark = isProven(verification) ? colors.green("✓") : colors.red("✗");
  const served = servedOid === undefined ? "serves nothing" : `serves ${servedOid.slice(0, 12)}`;
  const git = gitOid === undefined ? "git has it no more" : `git has ${gitOid.slice(0, 12)}`;
  const outcome = differences.length === 0 ? "equal" : `${differences.length} differences`;
  return [
    `${mark} ${printable(shortName(ref))}: ${served}, ${current ? "as git has" : git}; ${outcome}`,
    ...differences.slice(0, shown).map(({ kind, what, name }) => `  ${kind} ${what} ${printable(name)}`),
    ...(differences.length > shown
      ? [`  … and ${differences.length - shown} more; --json has them all`]
      : []),
  ].join("\n");
}
