import type { Colors } from "picocolors/types.js";
import type { TierStep } from "@headstart/pg-snapshot";
import { formatBytes, formatDuration, formatTable, printable } from "../output/format.ts";
import type { PreparedTarget } from "./prepare.ts";

/** Milliseconds of a phase that is worth a line. */
const worthALineMs = 10;

/** A short table: what each tier said, how long the phases took, and what became of the snapshot. */
export function describePrepared(result: PreparedTarget, colors: Colors): string {
  const { target, tier, totalMs, steps, template, saved, warnings } = result;
  const head = `${colors.bold(printable(target))} is ready from the ${colors.bold(tier)} tier in ${formatDuration(totalMs)}`;
  const phases = phaseTimes(result)
    .filter(([, ms]) => ms >= worthALineMs)
    .map(([phase, ms]) => `${phase} ${formatDuration(ms)}`);
  const rows = [
    ...steps.flatMap((step) => [
      [`  ${step.tier}`, outcome(step, colors), reasonOf(step)],
      // A snapshot that is absent or stale is everyday life here; what is damaged wants mending.
      ...(step.outcome === "failed" ? fixRow(step.hint, colors) : []),
    ]),
    ...(phases.length > 0 ? [["  times", "", phases.join(", ")]] : []),
    ...savedRow(saved, colors),
    ["  name", "", template],
  ];
  return [head, formatTable(rows), ...warnings.map((line) => `  ${colors.yellow("!")} ${line}`)].join("\n");
}

function outcome({ outcome: said }: TierStep, colors: Colors): string {
  return {
    served: colors.green("served"),
    missed: "missed",
    skipped: "skipped",
    failed: colors.yellow("failed"),
  }[said];
}

function reasonOf({ reason, code }: TierStep): string {
  return printable(reason, 300) + (code === undefined ? "" : ` [${code}]`);
}

/** Phases may come more than once, such as the second look at the inputs after a build. */
function phaseTimes({ timings }: PreparedTarget): [string, number][] {
  const sums = new Map<string, number>();
  for (const { phase, ms } of timings) sums.set(phase, (sums.get(phase) ?? 0) + ms);
  return [...sums];
}

/** A command that is cut cannot be run, so hints stay whole. */
function fixRow(hint: string | undefined, colors: Colors): string[][] {
  return hint === undefined ? [] : [["", colors.bold("fix"), printable(hint, Infinity)]];
}

function savedRow(
  { status, reason = "", hint, bytes = 0 }: PreparedTarget["saved"],
  colors: Colors,
): string[][] {
  if (status === "saved") return [["  saved", colors.green("yes"), formatBytes(bytes)]];
  if (status === "failed") {
    return [["  saved", colors.yellow("failed"), printable(reason, 300)], ...fixRow(hint, colors)];
  }
  return status === "unchanged" ? [["  saved", "no need", printable(reason)]] : [];
}
