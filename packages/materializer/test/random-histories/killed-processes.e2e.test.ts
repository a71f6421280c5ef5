import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedServer } from "@headstart/pg-snapshot";
import fc from "fast-check";
import pg from "pg";
import { expect, test } from "vitest";
import { MaterializerError } from "../../src/errors.ts";
import { startWorker, type WorkerProcess } from "../processes/start-worker.ts";
import { openProject, type Project } from "../support/open-project.ts";
import { History } from "./history.ts";
import { performPush } from "./perform-step.ts";
import { newReader } from "./reader.ts";
import { releases, type ReleaseName } from "./release.ts";
import { ignored, projected, push, type Push } from "./step.ts";
import { readServed, watchReaders } from "./watch-readers.ts";

/** One upstream, over HTTP and as files. */
const repositories = ["handbook", "handbook-of-files"] as const;

type Fault =
  | Push
  /** A worker ends without a word once it is at work, and another one is started. */
  | { readonly do: "kill"; readonly release: ReleaseName }
  /** Every session of the server ends, as when the system runs out of memory. */
  | { readonly do: "crash the server" }
  | { readonly do: "register"; readonly release: ReleaseName }
  | { readonly do: "rollback"; readonly branch: string }
  | { readonly do: "unpin"; readonly branch: string }
  | { readonly do: "retain" }
  /** Until a branch's newest version is that of its tip, or the tip is known to be bad. */
  | { readonly do: "catch up"; readonly branch: string };

const calm: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 5, arbitrary: push },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("catch up" as const), branch: fc.constantFrom(...projected) }),
  },
);

/** What every history has, somewhere. */
const disturbances: readonly Fault[] = [
  { do: "kill", release: "old" },
  { do: "kill", release: "old" },
  { do: "kill", release: "new" },
  { do: "kill", release: "new" },
  { do: "crash the server" },
  { do: "register", release: "new" },
  { do: "register", release: "old" },
  { do: "rollback", branch: "main" },
  { do: "rollback", branch: "drafts/a" },
  { do: "unpin", branch: "main" },
  { do: "retain" },
];

const faults: fc.Arbitrary<Fault[]> = fc.noBias(
  fc
    .tuple(
      fc.array(calm, { minLength: 25, maxLength: 35, size: "max" }),
      fc.tuple(...disturbances.map(() => fc.nat({ max: 999 }))),
    )
    .map(([steps, places]) =>
      disturbances.reduce<Fault[]>(
        (all, fault, n) => all.toSpliced((places[n] ?? 0) % (all.length + 1), 0, fault),
        steps,
      ),
    ),
);

/** As in the histories without processes. */
const seed = Number(process.env["HEADSTART_SEED"] ?? 20_261_121);
const numRuns = Number(process.env["HEADSTART_RUNS"] ?? 1);

test(
  "workers are killed and the server crashes while branches move: what readers see and where it ends is right",
  { timeout: 120_000 * numRuns },
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "headstart-killed-"));
    await chmod(directory, 0o755);
    const server = await startEmbeddedServer({ directory });
    await keepCommits(server.url);
    let finished = 0;
    await fc.assert(
      fc.asyncProperty(faults, async (someFaults) => {
        await liveThrough(someFaults, { serverUrl: server.url, mirrors: join(directory, "mirrors") });
        finished += 1;
      }),
      { numRuns, endOnFailure: true, seed, timeout: 110_000 },
    );
    await server.leave();
    await rm(directory, { recursive: true, force: true });
    expect(finished, "histories that were lived through to their end").toBe(numRuns);
  },
);

/** A server for tests says that a commit is done before it is written: a crash would take back what was promised. */
async function keepCommits(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("alter role current_user set synchronous_commit = on");
  await client.end();
}

interface Life {
  readonly project: Project;
  readonly history: History;
  readonly crew: Crew;
  wanted: ReleaseName;
}

/** A worker of each release, as a process of its own. */
class Crew implements AsyncDisposable {
  readonly #config: { readonly databaseUrl: string; readonly mirrors: string };
  readonly #workers: Record<ReleaseName, Promise<WorkerProcess>>;

  constructor(config: { readonly databaseUrl: string; readonly mirrors: string }) {
    this.#config = config;
    this.#workers = { old: this.#start("old"), new: this.#start("new") };
  }

  async replace(name: ReleaseName): Promise<void> {
    await (await this.#workers[name]).kill("SIGKILL");
    this.#workers[name] = this.#start(name);
  }

  /** Ends all of them as an operator does. @returns their exit codes */
  async end(): Promise<(number | null)[]> {
    const workers = await Promise.all(Object.values(this.#workers));
    return await Promise.all(workers.map(async (worker) => await worker.kill("SIGTERM")));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of await Promise.allSettled(Object.values(this.#workers)))
      if (worker.status === "fulfilled") await worker.value.kill("SIGKILL");
  }

  async #start(name: ReleaseName): Promise<WorkerProcess> {
    const { revision, policy } = releases[name];
    const times = { leaseMs: 1_000, pollMinMs: 50, pollMaxMs: 300 };
    return await startWorker({ ...this.#config, ...times, concurrency: 2, release: { revision, policy } });
  }
}

async function liveThrough(
  someFaults: readonly Fault[],
  { serverUrl, mirrors }: { serverUrl: string; mirrors: string },
): Promise<void> {
  await using project = await openProject({ over: "http", serverUrl, projectors: [releases.old] });
  const { upstream, materializer, db, databaseUrl } = project;
  await materializer.register({ name: repositories[1], url: upstream.url, projector: "notes" });
  const reader = newReader(materializer, { consumer: "reader", begins: "early" });
  await reader.read();
  await using crew = new Crew({ databaseUrl, mirrors });
  const life: Life = { project, history: new History(upstream), crew, wanted: "old" };
  await using readers = watchReaders(db, life.history, async () => await serverIsThere(db));
  for (const next of someFaults) {
    await perform(next, life);
    await readers.check();
  }
  await comeToRest(life);
  await readers.check();
  expect(readers.count(), "states that readers saw").toBeGreaterThan(0);
  expect(await crew.end()).toEqual([0, 0]);
  await reader.read();
  await reader.expectServed(db);
}

async function perform(fault: Fault, life: Life): Promise<void> {
  const { project, history, crew } = life;
  const { materializer, db } = project;
  if (fault.do === "kill") await crew.replace(fault.release);
  else if (fault.do === "crash the server") await crashServer(db);
  else if (fault.do === "catch up") await caughtUp(life, [fault.branch]);
  else if (fault.do === "register") await register(life, fault.release);
  else if (fault.do === "retain") await persist(db, async () => await materializer.retain());
  else if (fault.do === "rollback" || fault.do === "unpin") {
    const name = { repository: repositories[0], branch: fault.branch };
    await persist(db, async () => await materializer[fault.do](name));
  } else await performPush(fault, history);
}

/** The materializers of the test only order; the processes do the work. */
async function register(life: Life, wanted: ReleaseName): Promise<void> {
  const { project } = life;
  const orderer = await project.another({ projectors: [releases[wanted]] });
  for (const [index, name] of repositories.entries()) {
    const url = index === 0 ? project.url : project.upstream.url;
    const registration = { name, url, projector: "notes", readopt: true };
    await persist(project.db, async () => await orderer.register(registration));
  }
  life.wanted = wanted;
}

async function crashServer(db: pg.Pool): Promise<void> {
  await serverIsThere(db);
  const { rows } = await db.query<{ pid: number }>(
    "select pid from pg_stat_activity where backend_type = 'background writer'",
  );
  process.kill(rows[0]?.pid ?? 0, "SIGKILL");
}

/** Does it, again when the server went away; there may be no such branch, or no version of it. */
async function persist(db: pg.Pool, work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (!(error instanceof MaterializerError)) await serverIsThere(db);
      else if (["BRANCH_UNKNOWN", "VERSION_UNKNOWN"].includes(error.code)) return;
      else throw error;
    }
  }
}

async function serverIsThere(db: pg.Pool): Promise<void> {
  const answers = async (): Promise<boolean> =>
    await db.query("select 1").then(
      () => true,
      () => false,
    );
  await expect.poll(answers, { timeout: 30_000, interval: 20 }).toBe(true);
}

/** Nobody helps but an operator: what is pinned is unpinned, and what the guard holds back is confirmed. */
async function comeToRest(life: Life): Promise<void> {
  const { project, history } = life;
  const { materializer, db } = project;
  for (const name of projected) {
    for (const repository of repositories)
      await persist(db, async () => await materializer.unpin({ repository, branch: name }));
  }
  const tips = new Map([...history.tips].filter(([name]) => name !== ignored));
  await caughtUp(life, [...tips.keys()]);
  const gone = async (): Promise<string[]> => {
    for (const name of repositories) await materializer.confirmDeletions(name);
    const served = await readServed(db);
    return served.map(({ ref }) => ref.slice("refs/heads/".length)).filter((name) => !tips.has(name));
  };
  await expect.poll(gone, { timeout: 60_000, interval: 50 }).toEqual([]);
  const prover = await project.another({ projectors: [releases[life.wanted]] });
  for (const repository of repositories) {
    for (const [name, oid] of tips) {
      if (history.notesOf(oid, life.wanted) === undefined) continue;
      const proof = await prover.verify({ repository, branch: name });
      expect(proof).toMatchObject({ gitOid: oid, current: true, differences: [] });
    }
  }
}

/** Waits until the newest version of each branch is that of its tip in the wanted release, or the tip is known to be bad. */
async function caughtUp({ project, history, wanted }: Life, names: readonly string[]): Promise<void> {
  const { materializer } = project;
  const pending = async (): Promise<string[]> => {
    const late: string[] = [];
    for (const name of names) {
      const oid = history.tips.get(name);
      for (const repository of oid === undefined ? [] : repositories) {
        const good = history.notesOf(oid ?? "", wanted) !== undefined;
        const branch = await materializer.branch({ repository, branch: name });
        const settled = good ? branch.latestOid : branch.errorOid;
        if (settled === oid && !branch.dirty) continue;
        const { reasons } = await materializer.explain({ repository, branch: name });
        late.push(`${repository}, ${name}, ${oid}: ${reasons.join(" ")}`);
      }
    }
    return late;
  };
  const tolerant = async (): Promise<unknown> => await pending().catch(String);
  await expect.poll(tolerant, { timeout: 60_000, interval: 50 }).toEqual([]);
}
