import { PgSnapshotError } from "@headstart/pg-snapshot";
import type { RestoreTime, TierTimes } from "./measure-tiers.ts";

/** The times side by side, and in a line what they mean. */
export function describeTiers({ build, snapshot, template, clone, postgres }: TierTimes): string {
  const recorded = build.recordedAt === undefined ? "" : `recorded ${build.recordedAt.slice(0, 10)}`;
  const rows = [
    ["3", "build", "events, derived tables and indexes from scratch", duration(build.ms), recorded],
    snapshot instanceof PgSnapshotError
      ? ["2", "snapshot", "not possible here, see below", "–", ""]
      : ["2", "snapshot", restored(snapshot), duration(snapshot.ms), ratio(build.ms, snapshot.ms)],
    [
      "1",
      "template",
      "is there already, found by its inputs",
      duration(template.ms),
      ratio(build.ms, template.ms),
    ],
    ["", "clone", "a database of its own for each test", duration(clone.ms), ""],
  ];
  return [
    `The canvases database on Postgres ${postgres}, made ready in three tiers:`,
    "",
    ...table([["tier", "", "what happens", "time", ""], ...rows]),
    "",
    meaning({ build, snapshot, clone }),
  ].join("\n");
}

function restored({ bytes, committed }: RestoreTime): string {
  return `${(bytes / 1e6).toFixed(1)} MB from ${committed ? "the repository" : "an earlier build"}, restored`;
}

function meaning({ build, snapshot, clone }: Pick<TierTimes, "build" | "snapshot" | "clone">): string {
  if (snapshot instanceof PgSnapshotError) {
    return ["Without the second tier:", snapshot.message, snapshot.hint ?? ""].join("\n  ").trimEnd();
  }
  return (
    `Whoever checks this out starts after ${duration(snapshot.ms)} instead of ${duration(build.ms)}; ` +
    `every test after that, after ${duration(clone.ms)}.`
  );
}

function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

function ratio(slow: number, fast: number): string {
  const times = slow / Math.max(fast, 1);
  return `${times < 10 ? times.toFixed(1) : Math.round(times).toLocaleString("en")} × faster`;
}

/** Columns two spaces apart; times to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const columns = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 3 ? cell.padStart(columns[column] ?? 0) : cell.padEnd(columns[column] ?? 0),
      )
      .join("  ")
      .replace(/^/, "  ")
      .trimEnd(),
  );
}
