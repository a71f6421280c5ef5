import { restamp } from "@headstart/projection-bootstrap";
import type { CommandContext } from "../../command-context.ts";
import type { CommandResult } from "../../output/command-result.ts";
import { type DatabaseFlags, withProjections } from "./open-projections.ts";

/** Says that the database lives on this server now. Where it does already, nothing changes. */
export async function restampCommand(context: CommandContext, flags: DatabaseFlags): Promise<CommandResult> {
  return await withProjections(context, flags, async ({ pool }) => {
    const era = await restamp(pool, "headstart projections restamp");
    return { json: { era }, text: `the database is in era ${era} of its positions` };
  });
}
