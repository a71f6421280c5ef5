import { parseArgs } from "node:util";
import { PgSnapshotError } from "@headstart/pg-snapshot";
import { describeTiers } from "./describe-tiers.ts";
import { measureTiers } from "./measure-tiers.ts";
import { createProgressLine } from "./progress-line.ts";

const usage = `usage: pnpm start [--full]

  --full  builds even where the committed snapshot is fresh
`;

process.exitCode = await main();

async function main(): Promise<number> {
  const full = readArguments();
  if (full === undefined) {
    process.stderr.write(usage);
    return 2;
  }
  const interruption = interruptedBySignals();
  const progress = createProgressLine(process.stderr);
  try {
    const times = await measureTiers({ full, signal: interruption.signal, progress });
    progress.clear();
    process.stdout.write(`${describeTiers(times)}\n`);
    return 0;
  } catch (error) {
    progress.clear();
    if (interruption.exitCode !== undefined) {
      process.stderr.write("stopped; nothing half-made is left behind\n");
      return interruption.exitCode;
    }
    process.stderr.write(`${explain(error)}\n`);
    return 1;
  }
}

/** `undefined` for a command line that nobody understands. */
function readArguments(): boolean | undefined {
  try {
    return parseArgs({ options: { full: { type: "boolean", default: false } } }).values.full;
  } catch {
    return undefined;
  }
}

/** The first signal ends the work in good order; a second one ends the process at once. */
function interruptedBySignals(): { readonly signal: AbortSignal; exitCode: number | undefined } {
  const controller = new AbortController();
  const interruption = { signal: controller.signal, exitCode: undefined as number | undefined };
  for (const [name, exitCode] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(name, () => {
      interruption.exitCode ??= exitCode;
      controller.abort(new Error(`stopped by ${name}`));
    });
  }
  return interruption;
}

function explain(error: unknown): string {
  if (!(error instanceof PgSnapshotError))
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `error: ${error.message}${error.hint === undefined ? "" : `\n${error.hint}`}`;
}
