import type { Verification } from "@headstart/materializer";
import type { CommandContext } from "../../command-context.ts";
import { exitCodes } from "../../exit-codes.ts";
import type { CommandResult } from "../../output/command-result.ts";
import { printable } from "../../output/format.ts";
import { chooseBranch, chooseRepository, fullRef, shortName, type Names } from "./choose-branch.ts";
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
  return await withMaterializer(
    context,
    async (open) => {
      const repository = await chooseRepository(open, names);
      const every = all === true && names.branch === undefined;
      const branches = every
        ? await servedBranches(open, repository)
        : [(await chooseBranch(open, { ...names, repository })).branch];
      const verified: Verified[] = [];
      for (const [done, branch] of branches.entries()) {
        context.progress.show(repository, { phase: "compare", detail: branch, done, total: branches.length });
        const verifying = open.materializer.verify({ repository, branch }, { signal: context.signal });
        verified.push(
          await (every ? verifying.catch((error: unknown) => unproven(branch, error)) : verifying),
        );
      }
      const equal = verified.every(isProven);
      return {
        json: { equal, branches: verified },
        text: verified.map((each) => describe(each, context)).join("\n") || "no branch serves anything",
        exitCode: equal ? exitCodes.ok : exitCodes.negative,
      };
    },
    { mindsSignal: true },
  );
}

/** A branch of which nothing can be said here, and why. */
interface Unproven {
  readonly ref: string;
  readonly error: { readonly code: string; readonly message: string; readonly hint: string | undefined };
}

type Verified = Verification | Unproven;

/** What one branch may have and the others not. */
const ofOneBranch = new Set(["PROJECTOR_UNKNOWN", "BRANCH_UNKNOWN", "GIT_REF_MISSING", "GIT_TOO_LARGE"]);

/** @throws what is wrong with more than this branch, for it would be so with the next ones */
function unproven(branch: string, error: unknown): Unproven {
  const { code, message, hint } = error as { code?: string; message: string; hint?: string };
  if (code === undefined || !ofOneBranch.has(code)) throw error;
  return { ref: fullRef(branch), error: { code, message, hint } };
}

/** What is served is what git gives, and what git has now. */
function isProven(verified: Verified): boolean {
  return !("error" in verified) && verified.current && verified.differences.length === 0;
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

function describe(verified: Verified, { colors }: CommandContext): string {
  const mark = isProven(verified) ? colors.green("✓") : colors.red("✗");
  if ("error" in verified) {
    const { code, message, hint } = verified.error;
    const fix = hint === undefined ? [] : [`  fix   ${printable(hint, 500)}`];
    return [
      `${mark} ${printable(shortName(verified.ref))}: not verified: ${printable(message, 500)} [${code}]`,
      ...fix,
    ].join("\n");
  }
  const { ref, gitOid, servedOid, current, differences } = verified;
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
