import type { CommandContext } from "../../command-context.ts";
import type { CommandResult } from "../../output/command-result.ts";
import { formatDuration, formatTable, printable } from "../../output/format.ts";
import { chooseBranch, type Names } from "./choose-branch.ts";
import { withMaterializer } from "./open-materialize.ts";

/** The versions of a branch that are kept, newest first. */
export async function historyCommand(context: CommandContext, names: Names): Promise<CommandResult> {
  return await withMaterializer(context, async (open) => {
    const chosen = await chooseBranch(open, names);
    const { servedVersion, pinnedAt } = await open.materializer.branch(chosen);
    const versions = await open.materializer.history(chosen);
    const { colors } = context;
    const rows = versions.map(({ id, oid, publishedAt, author, blobsParsed, buildMs }) => [
      id === servedVersion ? colors.green("▸") : " ",
      oid.slice(0, 12),
      `${publishedAt.toISOString().slice(0, 19).replace("T", " ")}Z`,
      printable(author, 40),
      `${blobsParsed} parsed in ${formatDuration(buildMs)}`,
      id === servedVersion ? (pinnedAt === null ? "served" : "served, pinned") : "",
    ]);
    return {
      json: {
        ...chosen,
        pinnedAt,
        versions: versions.map((version) => ({ ...version, served: version.id === servedVersion })),
      },
      text: rows.length === 0 ? `${printable(chosen.branch)} has no version yet` : formatTable(rows),
    };
  });
}
