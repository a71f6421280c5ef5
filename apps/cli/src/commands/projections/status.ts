import type { ProjectionStatus, Status } from "@headstart/projection-bootstrap";
import type { CommandContext } from "../../command-context.ts";
import { exitCodes } from "../../exit-codes.ts";
import type { CommandResult } from "../../output/command-result.ts";
import { formatDuration, formatTable, printable } from "../../output/format.ts";
import { type DatabaseFlags, withProjections } from "./open-projections.ts";

/** States that a boot loads as they are. */
const bootable: ReadonlySet<ProjectionStatus["state"]> = new Set(["ready", "behind"]);

/** How each projection stands: what a boot would find, and what it would have to do. */
export async function projectionStatusCommand(
  context: CommandContext,
  names: readonly string[],
  flags: DatabaseFlags,
): Promise<CommandResult> {
  return await withProjections(context, flags, async ({ bootstrap, choose }) => {
    const chosen = new Set(choose(names));
    const all = await bootstrap.status();
    const status = { ...all, projections: all.projections.filter(({ name }) => chosen.has(name)) };
    const healthy = status.projections.every(({ state }) => bootable.has(state));
    return {
      json: { healthy, ...status },
      text: describe(status, context),
      notes: remedies(status),
      exitCode: healthy ? exitCodes.ok : exitCodes.negative,
    };
  });
}

function describe({ log, head, fence, blockedBy, projections }: Status, { colors }: CommandContext): string {
  const lines = [`log  ${printable(log)}, up to ${head}`];
  if (fence !== head) lines.push(`     readers may go up to ${fence}`);
  if (blockedBy !== undefined) {
    const who = blockedBy.pid === undefined ? "a prepared transaction" : `process ${blockedBy.pid}`;
    lines.push(
      `     ${colors.yellow("!")} ${who} has been writing in ${printable(blockedBy.database)} for ${formatDuration(blockedBy.seconds * 1000)} (${printable(blockedBy.state ?? "")})`,
    );
  }
  const rows = projections.map((projection) => [
    bootable.has(projection.state) ? colors.green("✓") : colors.red("✗"),
    projection.name,
    projection.state,
    lag(projection),
    printable(projection.reason),
  ]);
  return [...lines, formatTable(rows), ...versionLines(projections)].join("\n");
}

function lag({ lagEvents, lagSeconds = 0 }: ProjectionStatus): string {
  if (lagEvents === undefined) return "";
  if (lagEvents === 0) return "no lag";
  const more = lagEvents >= 100_000 ? " or more" : "";
  return `${lagEvents} events${more}, ${formatDuration(lagSeconds * 1000)}`;
}

function versionLines(projections: readonly ProjectionStatus[]): string[] {
  const rows = projections.flatMap(({ name, versions }) =>
    versions.map(({ id, status, rows: count, parked, writer, fault }) => [
      `  ${name}`,
      `version ${id}`,
      status,
      `${count} rows`,
      parked > 0 ? `${parked} events set aside` : "",
      [writer === undefined ? "" : `written by ${printable(writer, 60)}`, printable(fault ?? "")]
        .filter((part) => part !== "")
        .join("; "),
    ]),
  );
  return rows.length > 0 ? ["", formatTable(rows)] : [];
}

/** For each state that a boot does not load as it is, the command that mends it. */
const remedyOf: Partial<Record<ProjectionStatus["state"], (name: string) => string>> = {
  absent: (name) => `headstart projections rebuild ${name}`,
  building: (name) => `headstart projections rebuild ${name}`,
  "stale-code": (name) => `headstart projections rebuild ${name}`,
  torn: (name) => `headstart projections rebuild ${name}`,
  "ahead-of-log": (name) => `find out where the events went, then: headstart projections rebuild ${name}`,
  "cut-off": (name) =>
    `restore the events that ${name} has yet to read: nothing else brings its rows forward`,
  "rolled-back": (name) =>
    `deploy the code that is active, or go forward: headstart projections rebuild ${name}`,
  poisoned: (name) => `correct the code, then: headstart projections redrive ${name}`,
  "foreign-cluster": () => "headstart projections restamp",
};

function remedies({ projections }: Status): string[] {
  const found = projections.flatMap(({ name, state }) => remedyOf[state]?.(name) ?? []);
  return [...new Set(found)].map((remedy) => `fix   ${remedy}`);
}
