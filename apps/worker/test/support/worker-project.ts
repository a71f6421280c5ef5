import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type pg from "pg";
import { inject, onTestFinished } from "vitest";
import type { WorkerConfigInput } from "../../src/config/config-schema.ts";
import { gitHttpServer, type GitHttpServer } from "./git-http-server.ts";
import { scratchDatabase } from "./scratch-database.ts";
import { scratchRepository, type ScratchRepository } from "./scratch-repository.ts";
import { startWorkerProcess, type WorkerProcess } from "./worker-process.ts";

const configFile = fileURLToPath(new URL("worker.config.ts", import.meta.url));

type Config = Partial<Omit<WorkerConfigInput, "projectors">>;

export interface StartWorker {
  /** Replaces keys of the project's configuration. */
  readonly config?: Config;
  readonly environment?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

export interface ProjectWorker extends WorkerProcess {
  /** Rewrites its configuration file; SIGHUP makes it look. */
  readonly configure: (config: Config) => void;
}

/** An upstream served over HTTP, a database, and workers that bring the one into the other. Ends with the test. */
export interface WorkerProject {
  readonly upstream: ScratchRepository;
  readonly server: GitHttpServer;
  readonly databaseUrl: string;
  readonly db: pg.Pool;
  /** Folder of the mirrors, the same for every worker. */
  readonly mirrors: string;
  readonly start: (options?: StartWorker) => ProjectWorker;
  /** Title of a branch's page, as readers see it. */
  readonly title: (branch: string, path?: string) => Promise<string | undefined>;
  /** How many branches are served and at rest. */
  readonly settled: () => Promise<number>;
}

/** @param database where it is, when it is not on the server of the run */
export async function workerProject({
  config = {},
  database = inject("serverUrl"),
}: { config?: Config; database?: string } = {}): Promise<WorkerProject> {
  const folder = await mkdtemp(join(tmpdir(), "headstart-worker-"));
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
  const upstream = await scratchRepository(folder);
  const server = await gitHttpServer(folder);
  onTestFinished(async () => await server[Symbol.asyncDispose]());
  const { url, db, ...scratch } = await scratchDatabase({ migrated: false, server: database });
  onTestFinished(async () => await scratch[Symbol.asyncDispose]());
  const mirrors = join(folder, "mirrors");
  let started = 0;
  const always: Config = {
    repositories: [{ name: "handbook", url: `${server.url}/content.git`, projector: "pages" }],
    mirrors: { directory: mirrors, protocols: ["http"] },
    http: { port: 0, lingerMs: 0 },
    observe: { pollMinMs: 300, pollMaxMs: 1_000 },
    ...config,
  };
  return {
    upstream,
    server,
    databaseUrl: url,
    db,
    mirrors,
    start: ({ config: own = {}, environment = {}, args = [] } = {}) => {
      const file = join(folder, `config-${(started += 1)}.json`);
      const configure = (present: Config): void =>
        writeFileSync(file, JSON.stringify({ ...always, ...own, ...present }));
      configure({});
      const worker = startWorkerProcess({
        args: ["--config", configFile, ...args],
        environment: {
          START_REPOSITORY_MATERIALIZER: "yes",
          DATABASE_URL: url,
          TEST_CONFIG: file,
          ...environment,
        },
      });
      return { ...worker, configure };
    },
    title: async (branch, path = "pages/home.json") => {
      const { rows } = await db.query<{ title: string }>(
        `select data ->> 'title' as title from headstart_materializer.branch_rows
         where repository = 'handbook' and ref = $1 and key = $2`,
        [`refs/heads/${branch}`, path],
      );
      return rows[0]?.title;
    },
    settled: async () => {
      const { rows } = await db.query<{ settled: number }>(
        `select count(*)::int as settled from headstart_materializer.branches
         where served_version is not null and not dirty and lease_token is null`,
      );
      return rows[0]?.settled ?? 0;
    },
  };
}

/** The content of a page. @param slowMs how long its unit takes to assemble */
export function page(title: string, slowMs?: number): string {
  return JSON.stringify({ title, ...(slowMs !== undefined && { slowMs }) });
}
