import type { ContentIssue } from "@headstart/materializer";
import type { CommandContext } from "../../command-context.ts";
import { exitCodes } from "../../exit-codes.ts";
import type { CommandResult } from "../../output/command-result.ts";
import { printable } from "../../output/format.ts";
import { chooseBranch, type ChosenBranch, type Names } from "./choose-branch.ts";
import { withMaterializer, type OpenMaterialize } from "./open-materialize.ts";

/** Whether readers see what was last observed, why, and what is wrong with which file. */
export async function explainCommand(context: CommandContext, names: Names): Promise<CommandResult> {
  return await withMaterializer(context, async (open) => {
    return await explained(open, await chooseBranch(open, names));
  });
}

/** The answer about one branch: what `explain` says, and `sync` at its end. */
export async function explained(open: OpenMaterialize, chosen: ChosenBranch): Promise<CommandResult> {
  const { materializer, context } = open;
  const explanation = await materializer.explain(chosen);
  const issues = await materializer.blockingIssues(chosen);
  const { status, current, reasons } = explanation;
  const mark = current ? context.colors.green("✓") : context.colors.red("✗");
  return {
    json: { ...chosen, ...explanation, issues },
    text: [
      `${mark} ${printable(chosen.repository)} ${context.colors.bold(printable(chosen.branch))}: ${current ? "current" : status}`,
      ...reasons.map((reason) => `  ${printable(reason, 1_000)}`),
      ...describeIssues(issues),
    ].join("\n"),
    exitCode: current ? exitCodes.ok : exitCodes.negative,
  };
}

const shown = 20;

/** `path:line:column` is what editors and terminals open. */
export function describeIssues(issues: readonly ContentIssue[]): string[] {
  const lines = issues.slice(0, shown).map(({ path, line, column, code, message }) => {
    const place = [printable(path), line ?? undefined, column ?? undefined].filter(
      (part) => part !== undefined,
    );
    return `  ${place.join(":")}: ${printable(message, 500)} [${code}]`;
  });
  return issues.length > shown
    ? [...lines, `  … and ${issues.length - shown} more; --json has them all`]
    : lines;
}
