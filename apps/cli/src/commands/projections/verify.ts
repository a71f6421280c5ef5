import type { Bootstrap, Verification } from "@headstart/projection-bootstrap";
import type { CommandContext } from "../../command-context.ts";
import { exitCodes } from "../../exit-codes.ts";
import type { CommandResult } from "../../output/command-result.ts";
import { printable } from "../../output/format.ts";
import { type DatabaseFlags, withProjections } from "./open-projections.ts";

export interface VerifyFlags extends DatabaseFlags {
  /** Part of the keys, above 0 and up to 1. */
  readonly share?: number | undefined;
  readonly round?: number | undefined;
  /** Events in a second, at most. */
  readonly rate?: number | undefined;
  /** Goes on until something differs. */
  readonly continuous?: boolean | undefined;
}

/** Folds the log again and compares the stored rows with that. */
export async function verifyProjectionsCommand(
  context: CommandContext,
  names: readonly string[],
  flags: VerifyFlags,
): Promise<CommandResult> {
  return await withProjections(
    context,
    flags,
    async ({ bootstrap, choose }) => {
      const chosen = choose(names);
      const verify = flags.continuous === true ? verifyOn : verifyOnce;
      const projections = await verify(bootstrap, { chosen, flags, context });
      const equal = projections.every((each) => each.equal);
      return {
        json: { equal, projections },
        text: projections.map((each) => describe(each, context)).join("\n"),
        exitCode: equal ? exitCodes.ok : exitCodes.negative,
      };
    },
    { mindsSignal: true },
  );
}

interface Verifying {
  readonly chosen: readonly string[];
  readonly flags: VerifyFlags;
  readonly context: CommandContext;
}

async function verifyOnce(
  bootstrap: Bootstrap,
  { chosen, flags, context }: Verifying,
): Promise<Verification[]> {
  const { share, round, rate } = flags;
  const { signal, progress } = context;
  const found: Verification[] = [];
  for (const name of chosen) {
    progress.show(name, { phase: "compare" });
    const onProgress = (events: number): void =>
      progress.show(name, { phase: "compare", detail: `${events} events read` });
    found.push(await bootstrap.verify(name, { share, round, eventsPerSecond: rate, signal, onProgress }));
  }
  return found;
}

/** Ends with what differs first; a signal ends it otherwise, and whatever cannot be verified at all. */
async function verifyOn(
  bootstrap: Bootstrap,
  { chosen, flags, context }: Verifying,
): Promise<Verification[]> {
  const { share, rate } = flags;
  const { signal, progress } = context;
  const over = new AbortController();
  const different: Verification[] = [];
  const failures: unknown[] = [];
  let looks = 0;
  await bootstrap.verifyContinuously({
    signal: AbortSignal.any([signal, over.signal]),
    names: chosen,
    share,
    eventsPerSecond: rate,
    onVerified: (verification) => {
      looks += 1;
      const detail = `${looks} looks, all equal up to ${verification.position}`;
      progress.show(verification.projection, { phase: "compare", detail });
      if (verification.equal) return;
      different.push(verification);
      over.abort();
    },
    onError: (error) => {
      failures.push(error);
      over.abort();
    },
  });
  if (failures.length > 0) throw failures[0];
  return different;
}

function describe(verification: Verification, { colors }: CommandContext): string {
  const { projection, equal, rows, position, differing, first, parked, read } = verification;
  const aside =
    parked.length > 0 ? `; ${parked.length} keys are set aside and were compared as they are` : "";
  if (equal) {
    return `${colors.green("✓")} ${projection}: ${rows} rows are what ${read.rows} events up to ${position} say${aside}`;
  }
  const lines = [
    `${colors.red("✗")} ${projection}: ${differing} of ${rows} rows differ at ${position}${aside}`,
  ];
  if (first !== undefined) {
    const { event, kind } = first;
    const where =
      event === undefined
        ? ""
        : ` at event ${event.position} (${printable(event.type)} of ${printable(event.stream)})`;
    lines.push(`    first "${printable(first.key)}": ${kindWords[kind]}${where}`);
    lines.push(`      stored   ${printable(first.stored ?? "no row", 400)}`);
    lines.push(`      the log  ${printable(first.expected ?? "no row", 400)}`);
  }
  return lines.join("\n");
}

const kindWords = {
  stopped: "the row stopped",
  skipped: "the row lacks one event",
  repeated: "the row holds one event twice",
  changed: "no event explains the row, so something else wrote it; its last",
} as const;
