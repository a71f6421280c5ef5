import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import {
  createMaterializer,
  MaterializerError,
  type GitLimits,
  type Materializer,
  type MaterializerOptions,
} from "@headstart/materializer";
import type pg from "pg";
import type { WorkerConfig } from "./config/config-schema.ts";
import type { Environment } from "./config/environment-overrides.ts";
import { openSecrets, type Secrets } from "./config/secrets.ts";
import { openPool } from "./database/open-pool.ts";
import { createLog, type Log } from "./log.ts";
import { WorkerError } from "./worker-error.ts";

export interface OpenOptions {
  /** Default: the process's. */
  readonly environment?: Environment;
  /** Shown in leases. Default: host name, process, and six random digits. */
  readonly worker?: string;
  /** Default: JSON lines on stderr. */
  readonly log?: Log;
  readonly secrets?: Secrets;
}

/** A materializer as a configuration describes it, with the pool that it uses. Nothing is connected yet. */
export interface OpenedMaterializer extends AsyncDisposable {
  readonly materializer: Materializer;
  readonly db: pg.Pool;
  readonly worker: string;
}

/**
 * What the worker works with, for whoever wants to look or act by the same configuration. Disposal ends its git
 * processes and its connections.
 *
 * @throws WorkerError `SECRET_MISSING`, `CONFIG_INVALID` when the database's URL is not there or none, or when the
 *   materializer takes a setting for wrong; credentials are read when they are used
 */
export async function openMaterializer(
  config: WorkerConfig,
  {
    environment = process.env,
    worker = workerName(),
    secrets = openSecrets(environment),
    log = createLog({ write: (line) => process.stderr.write(line), redact: secrets.redact }),
  }: OpenOptions = {},
): Promise<OpenedMaterializer> {
  const { mirrors, reconcile, observe, repositories } = config;
  const { directory, limits = {}, ...mirrorSettings } = mirrors;
  const { concurrency, ...settings } = reconcile;
  const { concurrency: observers, ...polling } = observe;
  const db = openPool({
    url: await databaseUrl(config, secrets),
    worker,
    log,
    atOnce: concurrency + observers,
  });
  const credentials = new Map(repositories.map(({ name, credential }) => [name, credential]));
  const materializer = createAccepted({
    db,
    worker,
    projectors: config.projectors,
    settings: { ...settings, ...polling, keepEventsMs: config.retention.eventsMs },
    mirrors: {
      ...mirrorSettings,
      limits: limits as Partial<GitLimits>,
      root: directory,
      credential: async ({ name }) => {
        const credential = credentials.get(name);
        if (credential === undefined) return undefined;
        const password = await secrets.read(credential.password);
        return { password, ...(credential.username !== undefined && { username: credential.username }) };
      },
    },
  });
  return {
    materializer,
    db,
    worker,
    [Symbol.asyncDispose]: async () => {
      await materializer[Symbol.asyncDispose]();
      await db.end();
    },
  };
}

/** @throws WorkerError `CONFIG_INVALID` for what only the materializer knows to be wrong */
function createAccepted(options: MaterializerOptions): Materializer {
  try {
    return createMaterializer(options);
  } catch (error) {
    if (!(error instanceof MaterializerError)) throw error;
    throw new WorkerError("CONFIG_INVALID", `The materializer does not take it: ${error.message}`, {
      hint: error.hint,
      cause: error,
    });
  }
}

async function databaseUrl({ database }: WorkerConfig, secrets: Secrets): Promise<string> {
  const url = await secrets.read(database);
  if (/^postgres(ql)?:\/\//.test(url)) return url;
  const source = "env" in database ? database.env : database.file;
  throw new WorkerError(
    "CONFIG_INVALID",
    `database: ${source} holds no address that starts with postgres://.`,
    {
      hint: "Write it as postgres://user:password@host/database, with special characters of the password percent-encoded.",
    },
  );
}

/** Readable, and unique even where containers share a host's name and each counts its processes from 1. */
export function workerName(): string {
  return `${hostname()}:${process.pid}:${randomBytes(3).toString("hex")}`;
}
