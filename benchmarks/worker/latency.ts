import { setTimeout as delay } from "node:timers/promises";
import { openCase, type Case, type Repository, type Site } from "./open-case.ts";
import type { BenchWorker } from "./start-worker.ts";
import { watchVisible } from "./watch-visible.ts";

const REPOSITORIES = 10;
const DRAFTS = 10;
const SAMPLES_AT_REST = 100;
const RATES = [25, 50, 100];
const SECONDS = 15;

interface Push {
  readonly repository: Repository;
  readonly branch: string;
  readonly oid: string;
}

/** From the webhook to the row that a reader sees: the push itself is over by then. */
export async function measureLatency(site: Site): Promise<void> {
  await using one = await openCase(site, { name: "latency", repositories: REPOSITORIES });
  for (const [index, repository] of one.repositories.entries())
    await repository.draft(Array.from({ length: DRAFTS }, (_, n) => draft(index, n)));
  await using worker = await one.startWorker();
  await one.served(REPOSITORIES * (DRAFTS + 1));
  console.log("\n### From the webhook to the visible row\n");
  console.log("| pushes a second | reached | p50 | p99 | versions published |\n|---|--:|--:|--:|--:|");
  await atRest(one, worker);
  for (const rate of RATES) await atRate(one, worker, rate);
}

/** One push, seen before the next one is made. */
async function atRest(one: Case, worker: BenchWorker): Promise<void> {
  const took: number[] = [];
  const before = await versions(one);
  for (const push of await prepare(one, SAMPLES_AT_REST)) {
    const watch = watchVisible(one.db);
    await announce(worker, push, watch);
    took.push(...(await watch.all()));
  }
  print("one at a time", { reached: "", took, published: (await versions(one)) - before });
}

async function atRate(one: Case, worker: BenchWorker, rate: number): Promise<void> {
  const pushes = await prepare(one, rate * SECONDS);
  const before = await versions(one);
  const watch = watchVisible(one.db);
  const announced: Promise<void>[] = [];
  const beganAt = performance.now();
  for (const [index, push] of pushes.entries()) {
    const early = beganAt + (index * 1000) / rate - performance.now();
    if (early > 0) await delay(early);
    announced.push(announce(worker, push, watch));
  }
  const seconds = (performance.now() - beganAt) / 1000;
  await Promise.all(announced);
  const took = await watch.all();
  const reached = `${(pushes.length / seconds).toFixed(0)}/s`;
  print(String(rate), { reached, took, published: (await versions(one)) - before });
}

async function announce(
  worker: BenchWorker,
  { repository, branch, oid }: Push,
  watch: ReturnType<typeof watchVisible>,
): Promise<void> {
  await repository.push(branch, oid);
  watch.expect(branch, oid, performance.now());
  await worker.webhook(repository.url, branch);
}

/** Commits that are not pushed yet, spread over all branches in turns. */
async function prepare({ repositories }: Case, count: number): Promise<Push[]> {
  const each = Math.ceil(count / (REPOSITORIES * DRAFTS));
  const queues: Push[][] = [];
  for (const [index, repository] of repositories.entries()) {
    for (let n = 0; n < DRAFTS; n += 1) {
      const branch = draft(index, n);
      const titles = Array.from({ length: each }, (_, turn) => `${performance.now()} ${turn}`);
      const oids = await repository.prepare(branch, titles);
      queues.push(oids.map((oid) => ({ repository, branch, oid })));
    }
  }
  const turns = Array.from({ length: each }, (_, turn) => queues.flatMap((queue) => queue[turn] ?? []));
  return turns.flat().slice(0, count);
}

function draft(repository: number, number: number): string {
  return `drafts/r${repository}-${number}`;
}

async function versions({ db }: Case): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    "select count(*)::int as count from headstart_materializer.events where type = 'branch-materialized'",
  );
  return rows[0]?.count ?? 0;
}

function print(
  name: string,
  { reached, took, published }: { reached: string; took: readonly number[]; published: number },
): void {
  const sorted = took.toSorted((a, b) => a - b);
  const at = (part: number): string =>
    `${(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN).toFixed(0)} ms`;
  console.log(`| ${name} | ${reached} | ${at(0.5)} | ${at(0.99)} | ${published} of ${took.length} |`);
}
