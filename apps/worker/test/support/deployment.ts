import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMaterializer, type Materializer } from "@headstart/materializer";
import pg from "pg";
import { onTestFailed } from "vitest";
import { migrate } from "../../src/database/migrate.ts";
import type { WorkerConfigInput } from "../../src/config/config-schema.ts";
import { secrets } from "./forge-requests.ts";
import { gitHttpServer } from "./git-http-server.ts";
import { gauged } from "./held.ts";
import type { Host, Network } from "./network.ts";
import { startPostgres, type PostgresServer } from "./postgres-server.ts";
import type { Broker } from "./rabbitmq.ts";
import { recordTakeovers } from "./takeovers.ts";
import { createUpstream, type Upstream } from "./upstream.ts";
import { pages } from "./deployed.config.ts";
import { startWorkerProcess, type WorkerProcess } from "./worker-process.ts";

/** How long a killed worker's branch waits, in milliseconds. */
const LEASE_MS = 2_000;
/** The promise on staleness when nobody says anything, in milliseconds. */
export const POLL_MAX_MS = 1_500;

/** A database, repositories behind a git server, and what is needed to run workers on them. */
export interface Deployment extends AsyncDisposable {
  readonly postgres: PostgresServer;
  /** The test's own connections. */
  readonly db: pg.Pool;
  readonly upstreams: readonly Upstream[];
  /** The test's own, with mirrors that no worker has: it proves, and builds nothing. */
  readonly materializer: Materializer;
  /** Starts one and waits until it is ready. */
  startWorker(options?: WorkerOptions): Promise<RunningWorker>;
}

export interface WorkerOptions {
  /** Where it runs. Default: here. Each host has mirrors of its own. */
  readonly host?: Host;
  /** Its settings of HTTP beside those of the deployment. */
  readonly http?: WorkerConfigInput["http"];
}

export interface RunningWorker extends WorkerProcess {
  /** Where it listens. */
  readonly address: string;
}

export interface DeploymentOptions {
  readonly repositories?: number;
  /** Other machines that reach the database and git by this one's address. */
  readonly network?: Network;
  /** Workers take messages from it and publish events to it. */
  readonly broker?: Broker;
  readonly config?: Partial<WorkerConfigInput>;
}

export async function openDeployment(options: DeploymentOptions = {}): Promise<Deployment> {
  const { repositories = 1, network, broker } = options;
  await using stack = new Stack();
  const directory = await mkdtemp(join(tmpdir(), "headstart-"));
  stack.defer(async () => await rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  const host = network?.address ?? "127.0.0.1";
  const { http, ...otherConfig } = options.config ?? {};
  const postgres = stack.use(await startPostgres({ host }));
  const db = new pg.Pool({ connectionString: postgres.url, max: 6 });
  db.on("error", () => undefined);
  stack.defer(async () => await db.end());
  const folder = join(directory, "served");
  await mkdir(folder);
  const git = stack.use(await gitHttpServer(folder, host));
  const upstreams: Upstream[] = [];
  for (let n = 0; n < repositories; n += 1)
    upstreams.push(await createUpstream(`content-${n}`, { folder, url: git.url }));
  const mirrors = { protocols: ["http"] } as const;
  const materializer = stack.use(
    createMaterializer({ db, projectors: [pages], mirrors: { ...mirrors, root: join(directory, "proof") } }),
  );
  await materializer.migrate();
  await migrate(db);
  await recordTakeovers(db);
  const disposal = stack.move();
  return {
    postgres,
    db,
    upstreams,
    materializer,
    startWorker: async (more = {}) => {
      const settings: Partial<WorkerConfigInput> = {
        repositories: upstreams.map(({ name, url }) => ({ name, url, projector: "pages" })),
        mirrors: {
          ...mirrors,
          protocols: ["http"],
          directory: join(directory, more.host?.name ?? "here"),
        },
        http: { host: more.host?.address ?? host, port: 0, lingerMs: 0, ...http, ...more.http },
        webhooks: { sources: { forge: { forge: "github", secrets: [{ env: "WEBHOOK_SECRET" }] } } },
        reconcile: { leaseMs: LEASE_MS },
        observe: { pollMinMs: 500, pollMaxMs: POLL_MAX_MS },
        audit: { everyMs: 2_000 },
        retention: { everyMs: 5_000 },
        ...(broker && { amqp: { url: { env: "AMQP_URL" } } }),
        ...otherConfig,
      };
      const environment = { DATABASE_URL: postgres.url, AMQP_URL: broker?.url ?? "" };
      const worker = await startWorker(settings, { host: more.host, environment });
      disposal.defer(async () => {
        worker.send("SIGKILL");
        await worker.exited;
      });
      return worker;
    },
    [Symbol.asyncDispose]: async () => await disposal[Symbol.asyncDispose](),
  };
}

async function startWorker(
  settings: Partial<WorkerConfigInput>,
  { host, environment }: { host: Host | undefined; environment: Readonly<Record<string, string>> },
): Promise<RunningWorker> {
  const worker = startWorkerProcess({
    args: ["--config", new URL("deployed.config.ts", import.meta.url).pathname],
    environment: {
      START_REPOSITORY_MATERIALIZER: "yes",
      DEPLOYED_CONFIG: JSON.stringify(settings),
      WEBHOOK_SECRET: secrets.github,
      ...gauged,
      ...environment,
    },
    ...(host && { through: host.through }),
  });
  onTestFailed(() => tellTroubles(worker));
  await worker.logged("worker.ready");
  return { ...worker, address: await worker.url() };
}

/** What a worker complained about last: most failures are explained by it. */
function tellTroubles({ pid, log, stderr }: WorkerProcess): void {
  const troubles = log.filter(({ level }) => level !== "info").slice(-15);
  const lines = [`worker ${pid}:`, ...troubles.map((line) => JSON.stringify(line)), stderr()];
  process.stderr.write(`${lines.join("\n")}\n`);
}

/** Undoes what was done, the last first. Node 20 has no `AsyncDisposableStack`. */
class Stack implements AsyncDisposable {
  #undo: (() => Promise<void>)[] = [];

  defer(undo: () => Promise<void>): void {
    this.#undo.push(undo);
  }

  use<T extends AsyncDisposable>(resource: T): T {
    this.defer(async () => await resource[Symbol.asyncDispose]());
    return resource;
  }

  /** Hands all of it to another one. */
  move(): Stack {
    const moved = new Stack();
    moved.#undo = this.#undo;
    this.#undo = [];
    return moved;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const undo of this.#undo.toReversed()) await undo();
  }
}
