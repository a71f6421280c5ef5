import type { CommandContext } from "../../command-context.ts";
import { exitCodes } from "../../exit-codes.ts";
import type { CommandResult } from "../../output/command-result.ts";
import { formatDuration, formatTable, printable } from "../../output/format.ts";
import { chooseRepository } from "./choose-branch.ts";
import { livingWorkers, type LivingWorker } from "./living-workers.ts";
import { withMaterializer } from "./open-materialize.ts";
import {
  branchStates,
  readBranches,
  readRepositories,
  type BranchRow,
  type BranchState,
  type RepositoryStatus,
} from "./read-status.ts";

export interface StatusFlags {
  readonly failed?: boolean | undefined;
  readonly state?: readonly BranchState[] | undefined;
  readonly all?: boolean | undefined;
  readonly limit?: number | undefined;
}

/** Counts first, then the branches that need somebody. */
export async function branchStatusCommand(
  context: CommandContext,
  names: { repository?: string | undefined; branch?: string | undefined },
  { failed, state, all, limit = 20 }: StatusFlags,
): Promise<CommandResult> {
  return await withMaterializer(context, async (open) => {
    const { db } = open;
    const repository = names.repository === undefined ? undefined : await chooseRepository(open, names);
    const states = failed === true ? (["error", "parked"] as const) : state;
    const repositories = await readRepositories(db, repository);
    const { branches, more } = await readBranches(db, {
      repository,
      branch: names.branch,
      states,
      all,
      limit,
    });
    const workers = await livingWorkers(db);
    const healthy = repositories.every(isHealthy);
    return {
      json: { healthy, repositories, branches, more, workers },
      text: [
        describeRepositories(repositories, context),
        describeWorkers(workers, context),
        ...(branches.length === 0 ? [] : [describeBranches(branches, context)]),
      ].join("\n"),
      notes: more ? ["… and more: --limit, --state, or a pattern of branches"] : [],
      exitCode: healthy ? exitCodes.ok : exitCodes.negative,
    };
  });
}

function isHealthy({ counts, errorCode, guard }: RepositoryStatus): boolean {
  return counts.error + counts.parked === 0 && errorCode === null && guard === null;
}

function describeRepositories(repositories: readonly RepositoryStatus[], context: CommandContext): string {
  if (repositories.length === 0) return "no repository is registered";
  const { colors } = context;
  const rows = repositories.map((repository) => [
    isHealthy(repository) ? colors.green("✓") : colors.red("✗"),
    colors.bold(printable(repository.name, 60)),
    describeCounts(repository),
    describeObservation(repository),
  ]);
  return formatTable(rows);
}

function describeCounts({ counts, pinned }: RepositoryStatus): string {
  const total = branchStates.reduce((sum, state) => sum + counts[state], 0);
  const parts = branchStates
    .filter((state) => counts[state] > 0 && counts[state] < total)
    .map((state) => `${counts[state].toLocaleString("en")} ${state}`);
  const one = branchStates.find((state) => counts[state] === total && total > 0);
  const all = one === undefined ? parts.join(", ") : total === 1 ? one : `all ${one}`;
  const branches = `${total.toLocaleString("en")} ${total === 1 ? "branch" : "branches"}`;
  return [all === "" ? branches : `${branches}: ${all}`, pinned > 0 ? `${pinned} pinned` : ""]
    .filter((part) => part !== "")
    .join(", ");
}

function describeObservation({
  pausedAt,
  guard,
  observedAt,
  errorCode,
  errorMessage,
}: RepositoryStatus): string {
  const parts = [
    pausedAt === null ? "" : `paused since ${pausedAt.toISOString().slice(0, 16)}Z`,
    errorCode === null ? "" : `cannot be looked at: ${printable(errorMessage ?? "", 120)} [${errorCode}]`,
    guard === null ? "" : `deletions held back: ${printable(guard, 120)}`,
    observedAt === null
      ? "never looked at"
      : `looked at ${formatDuration(Date.now() - observedAt.getTime())} ago`,
  ];
  return parts.filter((part) => part !== "").join("; ");
}

function describeWorkers(workers: readonly LivingWorker[], { colors }: CommandContext): string {
  if (workers.length === 0) return `  ${colors.yellow("!")} no worker is alive`;
  const building = workers.reduce((sum, worker) => sum + worker.building, 0);
  const failing = [...new Set(workers.flatMap(({ failingLoops }) => failingLoops))];
  const trouble = failing.length === 0 ? "" : `; failing: ${printable(failing.join(", "))}`;
  return `  ${workers.length} ${workers.length === 1 ? "worker is" : "workers are"} alive, ${building} building${trouble}`;
}

function describeBranches(branches: readonly BranchRow[], { colors }: CommandContext): string {
  const color = {
    parked: colors.red,
    error: colors.red,
    pending: colors.yellow,
    building: colors.cyan,
    ready: colors.green,
  };
  const rows = branches.map((row) => [
    `  ${color[row.status](row.status)}`,
    printable(row.repository, 40),
    printable(row.branch, 60),
    `${short(row.served)}${row.served === row.wanted ? "" : ` → ${short(row.wanted)}`}${row.pinned ? " pinned" : ""}`,
    row.errorCode === null ? "" : `${printable(row.errorMessage ?? "", 160)} [${row.errorCode}]`,
  ]);
  return `\n${formatTable(rows)}`;
}

function short(oid: string | null): string {
  return oid === null ? "nothing" : oid.slice(0, 10);
}
