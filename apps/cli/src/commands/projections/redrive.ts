import type { CommandContext } from "../../command-context.ts";
import { exitCodes } from "../../exit-codes.ts";
import type { CommandResult } from "../../output/command-result.ts";
import { printable } from "../../output/format.ts";
import { type DatabaseFlags, withProjections } from "./open-projections.ts";

export interface RedriveFlags extends DatabaseFlags {
  readonly key?: string | undefined;
}

/** Folds keys that were set aside again, with the code as it is now. */
export async function redriveCommand(
  context: CommandContext,
  projection: string,
  flags: RedriveFlags,
): Promise<CommandResult> {
  const { signal, progress, colors } = context;
  return await withProjections(
    context,
    flags,
    async ({ bootstrap, choose }) => {
      const [name = projection] = choose([projection]);
      progress.show(name, { phase: "build", detail: "folding what was set aside" });
      const onProgress = (events: number): void =>
        progress.show(name, { phase: "build", detail: `folding what was set aside: ${events} events read` });
      const redriven = await bootstrap.redrive(name, { key: flags.key, signal, onProgress });
      const { repaired, failed, faultLifted } = redriven;
      const lines = [
        ...repaired.map((key) => `${colors.green("✓")} ${printable(key)}`),
        ...failed.map(({ key, error }) => `${colors.red("✗")} ${printable(key)}: ${printable(error)}`),
        ...(faultLifted
          ? ["what stopped the projection was lifted; the next run shows whether it is gone"]
          : []),
      ];
      return {
        json: { projection: name, ...redriven },
        text: lines.length > 0 ? lines.join("\n") : `nothing of ${name} is set aside`,
        exitCode: failed.length === 0 ? exitCodes.ok : exitCodes.negative,
      };
    },
    { mindsSignal: true },
  );
}
