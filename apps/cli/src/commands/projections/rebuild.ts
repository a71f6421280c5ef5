import { formatPosition, type Rebuilt } from "@headstart/projection-bootstrap";
import type { CommandContext } from "../../command-context.ts";
import type { CommandResult } from "../../output/command-result.ts";
import { type DatabaseFlags, withProjections } from "./open-projections.ts";

export interface RebuildFlags extends DatabaseFlags {
  /** False: fails while another process builds the same. */
  readonly wait: boolean;
}

/** Builds rows beside the present ones, and has readers go over to them. */
export async function rebuildCommand(
  context: CommandContext,
  names: readonly string[],
  flags: RebuildFlags,
): Promise<CommandResult> {
  return await build(context, names, { ...flags, activate: true });
}

/** Builds the rows of the code that is about to be deployed, without showing them. */
export async function prebuildCommand(
  context: CommandContext,
  names: readonly string[],
  flags: RebuildFlags,
): Promise<CommandResult> {
  return await build(context, names, { ...flags, activate: false });
}

async function build(
  context: CommandContext,
  names: readonly string[],
  flags: RebuildFlags & { readonly activate: boolean },
): Promise<CommandResult> {
  const { signal, progress, colors } = context;
  return await withProjections(
    context,
    flags,
    async ({ bootstrap, choose }) => {
      const built: Rebuilt[] = [];
      for (const name of choose(names)) {
        progress.show(name, { phase: "build" });
        const request = {
          signal,
          whenHeld: flags.wait ? "wait" : "fail",
          onProgress: ({ events }: { events: number }) =>
            progress.show(name, { phase: "build", detail: `${events} events read` }),
        } as const;
        if (flags.activate) built.push(await bootstrap.rebuild(name, request));
        else built.push(...(await bootstrap.prebuild([name], request)));
      }
      return {
        json: {
          projections: built.map(({ position, ...rest }) => ({
            ...rest,
            position: formatPosition(position),
          })),
        },
        text: built.map((each) => `${colors.green("✓")} ${describe(each)}`).join("\n"),
      };
    },
    { mindsSignal: true },
  );
}

function describe({ projection, versionId, active, position, read, dropped }: Rebuilt): string {
  const shown = active ? "readers have it" : "shown once its code runs";
  const gone = dropped.length > 0 ? `; dropped version ${dropped.join(", ")}` : "";
  return `${projection}: version ${versionId} stands at ${formatPosition(position)}, ${read.rows} events read; ${shown}${gone}`;
}
