import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { openCase, type Case, type Site } from "./open-case.ts";

const BRANCHES = 400;
const ROUNDS = 3;
const builder = fileURLToPath(new URL("builder.ts", import.meta.url));

/** Branches published a second by one worker, and by one process that does nothing but claim and build. */
export async function measureThroughput(site: Site): Promise<void> {
  await using one = await openCase(site, { name: "throughput", repositories: 1 });
  const rates = { worker: [] as number[], alone: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const contender of ["worker", "alone"] as const) {
      const branches = await makeDue(one, `${contender}-${round}`);
      if (contender === "worker") {
        await using _worker = await one.startWorker();
        await one.served(branches);
      } else await buildAlone(one);
      rates[contender].push(await latestRate(one));
    }
  }
  console.log(`\n### Publishing ${BRANCHES} branches with a commit each\n`);
  console.log("| | branches a second, median | range | worker is |\n|---|--:|--:|--:|");
  const [ours, peers] = [median(rates.worker), median(rates.alone)];
  console.log(`| one worker | ${ours.toFixed(0)} | ${range(rates.worker)} | |`);
  console.log(
    `| the materializer alone | ${peers.toFixed(0)} | ${range(rates.alone)} | ${(ours / peers).toFixed(2)} of it |`,
  );
}

/** New drafts that are observed and not yet built. @returns how many branches there are in all */
async function makeDue({ repositories, materializer, db }: Case, name: string): Promise<number> {
  const [repository] = repositories;
  await repository?.commitOnEach(
    Array.from({ length: BRANCHES }, (_, n) => `drafts/${name}-${n}`),
    name,
  );
  await materializer.observe(repository?.name ?? "");
  const { rows } = await db.query<{ count: number }>(
    "select count(*)::int as count from headstart_materializer.branches",
  );
  return rows[0]?.count ?? 0;
}

async function buildAlone({ databaseUrl, mirrors }: Case): Promise<void> {
  const child = spawn(process.execPath, [...process.execArgv, builder], {
    env: { ...process.env, BENCH_BUILDER: JSON.stringify({ databaseUrl, mirrors }) },
    stdio: "inherit",
  });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`the builder ended with ${code}`);
}

/** Between the first and the last of the newest versions, so that no process's start is in it. */
async function latestRate({ db }: Case): Promise<number> {
  const { rows } = await db.query<{ rate: number }>(
    `select (count(*) - 1) / extract(epoch from max(recorded_at) - min(recorded_at))::float8 as rate
     from (select recorded_at from headstart_materializer.events where type = 'branch-materialized'
           order by number desc limit $1) e`,
    [BRANCHES],
  );
  return rows[0]?.rate ?? Number.NaN;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function range(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(0)}–${Math.max(...values).toFixed(0)}`;
}
