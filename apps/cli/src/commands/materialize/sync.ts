import type { CommandContext } from "../../command-context.ts";
import { exitCodeOf, exitCodes, isErrorCode, type ExitCode } from "../../exit-codes.ts";
import type { CommandResult } from "../../output/command-result.ts";
import { formatDuration, printable } from "../../output/format.ts";
import { commandLine } from "../../output/quote-for-shell.ts";
import { chooseBranch, chooseRepository, fullRef, type Names } from "./choose-branch.ts";
import { explained } from "./explain.ts";
import { breathe, standings, timeOf, type Followed, type Standing } from "./follow-branches.ts";
import { livingWorkers } from "./living-workers.ts";
import { withMaterializer, type OpenMaterialize } from "./open-materialize.ts";
import { readBranches, readRepositories } from "./read-status.ts";
import { buildHere, observeHere, prepareHere } from "./work-here.ts";

export interface SyncFlags {
  /** Do the work in this process, whether workers are alive or not. */
  readonly here?: boolean | undefined;
  /** Milliseconds. */
  readonly timeout?: number | undefined;
}

const defaultTimeoutMs = 10 * 60_000;

/** Waits until the branch, or every branch of the repository, serves what git has now, or cannot. */
export async function syncCommand(
  context: CommandContext,
  names: Names,
  flags: SyncFlags,
): Promise<CommandResult> {
  const { timeout: timeoutMs = defaultTimeoutMs } = flags;
  const late = AbortSignal.timeout(timeoutMs);
  const limited = { ...context, signal: AbortSignal.any([context.signal, late]) };
  return await withMaterializer(
    context,
    async (opened) => {
      const open = { ...opened, context: limited };
      const startedAt = performance.now();
      const here = flags.here === true || (await nobodyWorks(open));
      if (here) await prepareHere(open, names.repository);
      const repository = await chooseRepository(open, names);
      const followed = { repository, ref: names.branch === undefined ? undefined : fullRef(names.branch) };
      try {
        const trouble = await (here ? syncHere : syncByWorkers)(open, followed);
        return trouble ?? (await answer(open, followed, { here, ms: performance.now() - startedAt }));
      } catch (error) {
        if (!late.aborted || context.signal.aborted) throw error;
        return await tooLate(opened, followed, timeoutMs);
      }
    },
    { mindsSignal: true },
  );
}

async function nobodyWorks({ db }: OpenMaterialize): Promise<boolean> {
  return (await livingWorkers(db)).length === 0;
}

type Trouble = CommandResult | undefined;

async function syncHere(open: OpenMaterialize, followed: Followed): Promise<Trouble> {
  const since = await timeOf(open);
  const stand = standings(open, followed, since);
  const paused = pausedTrouble(followed, await stand());
  if (paused !== undefined) return paused;
  await observeHere(open, followed.repository);
  await buildHere(open, followed, async () => (await stand()).waiting);
  return undefined;
}

/** A hint, then patience; if the workers vanish meanwhile, the work is done here. */
async function syncByWorkers(open: OpenMaterialize, followed: Followed): Promise<Trouble> {
  const { materializer, context } = open;
  const { repository, ref } = followed;
  const since = await timeOf(open);
  await materializer.hint({ repository, ...(ref !== undefined && { branch: ref }) });
  const stand = standings(open, followed, since);
  for (let round = 0; ; round += 1) {
    const standing = await stand();
    const trouble = pausedTrouble(followed, standing) ?? refusalTrouble(followed, standing);
    if (trouble !== undefined) return trouble;
    if (standing.looked && standing.waiting === 0) return undefined;
    const { looked, branches, waiting } = standing;
    if (looked)
      context.progress.show(repository, { phase: "build", done: branches - waiting, total: branches });
    else context.progress.show(repository, { phase: "wait", detail: "until a worker has looked at git" });
    // Every two seconds.
    if (round % 10 === 9 && (await nobodyWorks(open))) return await syncHere(open, followed);
    await breathe(context.signal);
  }
}

function pausedTrouble({ repository }: Followed, { pausedAt }: Standing): Trouble {
  if (pausedAt === null) return undefined;
  return {
    json: { repository, current: false, outcome: "paused", pausedAt },
    text: `✗ ${printable(repository)} is paused since ${pausedAt.toISOString()}, so nothing is built`,
    notes: [`fix   headstart materialize resume ${commandLine([repository])}`],
    exitCode: exitCodes.negative,
  };
}

function refusalTrouble({ repository }: Followed, { refusal }: Standing): Trouble {
  if (refusal === undefined) return undefined;
  const exitCode: ExitCode = isErrorCode(refusal.code) ? exitCodeOf(refusal.code) : exitCodes.environment;
  return {
    json: { repository, current: false, outcome: "unobservable", ...refusal },
    text: `✗ ${printable(repository)} cannot be looked at: ${printable(refusal.message, 500)} [${refusal.code}]`,
    exitCode,
  };
}

async function answer(
  open: OpenMaterialize,
  { repository, ref }: Followed,
  { here, ms }: { here: boolean; ms: number },
): Promise<CommandResult> {
  const { context, db } = open;
  const by = here ? "in this process" : "by the workers";
  if (ref !== undefined) {
    const result = await explained(open, await chooseBranch(open, { repository, branch: ref }));
    return { ...result, json: { ...result.json, here }, notes: [`done ${by} in ${formatDuration(ms)}`] };
  }
  const [status] = await readRepositories(db, repository);
  const { branches } = await readBranches(db, { repository, limit: 20 });
  const current = branches.length === 0 && status?.guard === null;
  const { colors } = context;
  return {
    json: {
      repository,
      current,
      here,
      outcome: "settled",
      counts: status?.counts,
      branches,
      guard: status?.guard,
    },
    text: [
      current
        ? `${colors.green("✓")} ${printable(repository)}: every branch serves what git has`
        : `${colors.red("✗")} ${printable(repository)}: not every branch serves what git has`,
      ...branches.map(
        ({ branch, status: state, pinned, errorCode }) =>
          `  ${printable(branch)}: ${pinned ? "pinned" : state}${errorCode === null ? "" : ` [${errorCode}]`}`,
      ),
      ...(status?.guard == null ? [] : [`  deletions are held back: ${printable(status.guard, 500)}`]),
    ].join("\n"),
    notes: [`done ${by} in ${formatDuration(ms)}`],
    exitCode: current ? exitCodes.ok : exitCodes.negative,
  };
}

async function tooLate(
  { db }: OpenMaterialize,
  { repository, ref }: Followed,
  timeoutMs: number,
): Promise<CommandResult> {
  const branch = ref?.replace("refs/heads/", "");
  const { branches } = await readBranches(db, { repository, branch, limit: 20 });
  const words = commandLine(branch === undefined ? [repository] : [repository, branch]);
  return {
    json: { repository, branch, current: false, outcome: "timeout", branches },
    text: `✗ ${printable(repository)} was not in sync after ${formatDuration(timeoutMs)}`,
    notes: [`fix   headstart materialize explain ${words}`],
    exitCode: exitCodes.failed,
  };
}
