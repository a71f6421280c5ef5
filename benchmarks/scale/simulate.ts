import { join } from "node:path";
import { parseArgs } from "node:util";
import { readCosts, type Measured } from "./simulation/costs.ts";
import { connections, oneDatabase, type Deployment } from "./simulation/deployment.ts";
import { simulate, type Outcome } from "./simulation/outcome.ts";

/**
 * What a deployment does under more and more pushes, by a simulation of the costs that measure.ts weighed.
 * Usage: simulate.ts [--quick] [--costs file] [--seed n]
 */
const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    costs: { type: "string", default: join(import.meta.dirname, "costs.json") },
    seed: { type: "string", default: "1" },
  },
});
/** Pushes a second above which simulating takes longer than it teaches. */
const HIGHEST = 2_000;
const measured = readCosts(options.costs);
const seed = Number(options.seed);

table(
  "One database of 16 processors, 4 machines of workers with 8 processors each, 1,000,000 branches",
  (options.quick ? [1, 10] : [1, 10, 100, 1_000]).map((perSecond) => ({
    name: `${perSecond.toLocaleString("en")} a second`,
    outcome: simulate(oneDatabase, measured, { perSecond, seed }),
    deployment: oneDatabase,
  })),
);
if (!options.quick) {
  knees();
  shards();
}

function knees(): void {
  const ample = { ...oneDatabase, workerMachines: 32 };
  const cases: [string, Deployment][] = [
    ["as above", oneDatabase],
    ["as above, built where it was fetched", { ...oneDatabase, affinity: true }],
    ["32 machines of workers", ample],
    ["32 machines, built where it was fetched", { ...ample, affinity: true }],
    [
      "the same, a wider git service, a database of 64 processors",
      { ...wideGit({ ...ample, affinity: true }, 2_560), databaseProcessors: 64 },
    ],
  ];
  console.log("\n### The most that one database does: p99 under 2 s, and no backlog that grows\n");
  console.log("| deployment | pushes a second | what is used up first |\n|---|--:|---|");
  for (const [name, deployment] of cases) {
    const { perSecond, ...outcome } = knee(deployment);
    console.log(
      `| ${name} | ${perSecond < HIGHEST ? perSecond.toFixed(0) : `more than ${HIGHEST}`} | ${tightest({ perSecond, ...outcome })} |`,
    );
  }
}

function wideGit(deployment: Deployment, gitConcurrency: number): Deployment {
  return { ...deployment, assumptions: { ...deployment.assumptions, gitConcurrency } };
}

/** The highest rate that is kept up with, to a tenth: found from below, for a backlog takes long to simulate. */
function knee(deployment: Deployment): Outcome {
  const at = (perSecond: number): Outcome => simulate(deployment, measured, { perSecond, seed, seconds: 8 });
  let best = at(50);
  for (let factor = 2; factor > 1.1; factor = Math.sqrt(factor)) {
    for (let next = best; next.keepsUp && next.p99 < 2_000 && best.perSecond < HIGHEST;) {
      best = next;
      next = at(Math.min(HIGHEST, best.perSecond * factor));
    }
  }
  return best;
}

function tightest(outcome: Outcome): string {
  const named = {
    "processors of Postgres": outcome.database,
    "the log's disk": outcome.log,
    "processors of workers": outcome.workers,
    observers: outcome.observers,
    builders: outcome.builders,
    "the git service": outcome.git,
    "the broker": outcome.broker,
  };
  const [first, second] = Object.entries(named).toSorted(([, a], [, b]) => b - a);
  return [first, second].map((entry) => `${entry?.[0]} ${percent(entry?.[1] ?? 0)}`).join(", then ");
}

/** A thousand pushes a second over more and more databases, with as many workers as the work needs. */
function shards(): void {
  const machines = Math.ceil((1_000 * workerMsAPush(measured)) / 1_000 / 0.6 / oneDatabase.machineProcessors);
  const rows = [1, 4, 16].map((count) => {
    const each = Math.ceil(machines / count);
    const deployment = {
      ...wideGit(oneDatabase, 1_024),
      shards: count,
      workerMachines: each,
    };
    const outcome = simulate(deployment, measured, { perSecond: 1_000, seed });
    return { name: `${count} × (16 + ${each} × 8 processors)`, outcome, deployment };
  });
  table(
    "1,000 pushes a second, sharded by repository, and a git service of 1,024 requests at a time: databases × (database + workers)",
    rows,
  );
}

/** Processor time of Node and git for one push that is looked at, fetched by two machines, built and published alone. */
function workerMsAPush({ costs }: Measured): number {
  const steps = [
    costs.hint,
    costs["observe, one branch moved"],
    costs["build a commit of one file"],
    costs.publish,
  ];
  return steps.reduce(
    (sum, { nodeMs, gitMs }) => sum + nodeMs + gitMs,
    1 + costs["observe, one branch moved"].gitMs,
  );
}

interface Column {
  readonly name: string;
  readonly outcome: Outcome;
  readonly deployment: Deployment;
}

function table(title: string, columns: readonly Column[]): void {
  const rows: [string, (outcome: Outcome) => string][] = [
    ["Postgres, processors", ({ database }) => percent(database)],
    ["… of which for notifications", ({ notifications }) => percent(notifications)],
    [
      "Postgres, log",
      ({ log, logBytesPerSecond }) => `${percent(log)} (${(logBytesPerSecond / 1e6).toFixed(1)} MB/s)`,
    ],
    ["Postgres, commits a second", ({ commitsPerSecond }) => commitsPerSecond.toFixed(0)],
    ["workers, processors", ({ workers }) => percent(workers)],
    ["workers, observers", ({ observers }) => percent(observers)],
    ["workers, builders", ({ builders }) => percent(builders)],
    [
      "git service, requests at a time",
      ({ git, gitPerSecond }) => `${percent(git)} (${gitPerSecond.toFixed(0)}/s)`,
    ],
    ["broker", ({ broker }) => percent(broker)],
    ["pushes for one build", ({ pushesPerBuild }) => pushesPerBuild.toFixed(2)],
    ["push to reader, p50", ({ p50 }) => duration(p50)],
    ["p95", ({ p95 }) => duration(p95)],
    ["p99", ({ p99 }) => duration(p99)],
    ["slowest without its webhook", ({ latest }) => (latest === undefined ? "none lost" : duration(latest))],
    ["keeps up", ({ keepsUp, unserved }) => (keepsUp ? "yes" : `no: ${unserved.toLocaleString("en")} wait`)],
  ];
  console.log(`\n### ${title}\n`);
  console.log(`| | ${columns.map(({ name }) => name).join(" | ")} |`);
  console.log(`|---|${columns.map(() => "--:|").join("")}`);
  for (const [name, cell] of rows) {
    console.log(`| ${name} | ${columns.map(({ outcome }) => cell(outcome)).join(" | ")} |`);
  }
  const open = columns.map(({ deployment }) => connections(deployment));
  console.log(`| connections of each database, at most | ${open.join(" | ")} |`);
}

function percent(share: number): string {
  return share < 0.0995 ? `${(share * 100).toFixed(1)} %` : `${(share * 100).toFixed(0)} %`;
}

function duration(ms: number): string {
  return ms < 1_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
