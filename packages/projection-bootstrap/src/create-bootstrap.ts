import { randomUUID } from "node:crypto";
import { availableParallelism, hostname } from "node:os";
import type pg from "pg";
import { z } from "zod";
import { boot, type BootOptions, type BootOutcome, type BootResult } from "./boot/boot.ts";
import type { BootPolicy } from "./boot/boot-policy.ts";
import { type Following, type FollowOptions, ModelFollower } from "./boot/follow.ts";
import type { Settings } from "./boot/settings.ts";
import { checkOptions, optional } from "./check-options.ts";
import { ProjectionError } from "./errors.ts";
import type { Appended, AppendOptions, NewEvent } from "./log/append.ts";
import type { EventLog } from "./log/event-log.ts";
import { type PostgresLog, postgresLog } from "./log/postgres-log.ts";
import { databasePreparation } from "./prepare-database.ts";
import type { Projection } from "./projection/define-projection.ts";
import { rebuildProjection, type RebuildProgress, type Rebuilt } from "./rebuild/rebuild-projection.ts";
import {
  retire,
  type RetireOptions,
  rollback,
  type RollbackOptions,
  type RolledBack,
} from "./rebuild/rollback.ts";
import { defaultPage, type PageLimits } from "./run/advance-versions.ts";
import { appendEvents } from "./run/append-events.ts";
import { redrive, type RedriveOptions, type Redriven } from "./run/redrive.ts";
import { catchUp, type CatchUpOptions, type CatchUpResult } from "./run/run-projections.ts";
import { runProjections, type RunOptions } from "./run/runner.ts";
import { readRetentionFloor, type RetentionFloor } from "./status/retention-floor.ts";
import { readStatus, type Status } from "./status/status.ts";
import { verifyContinuously, type ContinuousOptions } from "./verify/verify-continuously.ts";
import { verifyProjection, type Verification, type VerifyOptions } from "./verify/verify-projection.ts";

export interface BootstrapOptions {
  /** At least 2 connections; it stays the caller's to end. */
  readonly pool: pg.Pool;
  readonly projections: readonly Projection[];
  /** @default the log in the schema `headstart_projections` */
  readonly log?: EventLog | undefined;
  /** What a boot does about each state that it can find. */
  readonly policy?: BootPolicy | undefined;
  /** How much of the log is read at a time. */
  readonly page?: PageLimits | undefined;
  /** Connections that load rows side by side in a boot, at most: of those that are free. @default the number of processors, from 2 to 4 */
  readonly readers?: number | undefined;
  /** Former versions of a projection to keep for a rollback. @default 1 */
  readonly keep?: number | undefined;
  /** Milliseconds after which a silent writer whose connection is open loses its right to write. @default 30000 */
  readonly leaseMs?: number | undefined;
}

export interface RebuildRequest {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: RebuildProgress) => void) | undefined;
  /** What to do while another process builds the same. @default "wait" */
  readonly whenHeld?: "wait" | "fail" | undefined;
}

export interface Bootstrap {
  /** Makes or updates the schema. Every other call does it by itself. */
  migrate(): Promise<void>;
  /**
   * A model of all projections at one position, and how it came about.
   *
   * @throws {ProjectionError} `PROJECTION_REFUSED`, `FOREIGN_CLUSTER`, `POISON_EVENT` as the policy says
   */
  boot(options?: BootOptions): Promise<BootResult>;
  /** Keeps a booted model in step with the log. */
  follow(booted: BootResult, options?: FollowOptions): Following;
  /**
   * Adds events to a stream, and applies inline projections in the same transaction: one of its own, or the caller's
   * if a `client` is given, which has to be a read committed one. Where all connections of the pool may be with such
   * callers, {@link Bootstrap.migrate} a new database first.
   *
   * @throws {ProjectionError} `VERSION_CONFLICT`, `INLINE_MISMATCH`, `INLINE_FAILED`, `FOREIGN_CLUSTER`, and with a
   *   client `APPEND_OUT_OF_ORDER`, `ISOLATION_UNSUITABLE`
   */
  append(
    stream: string,
    events: readonly NewEvent[],
    options?: AppendOptions & { readonly client?: pg.ClientBase | undefined },
  ): Promise<Appended>;
  /** Brings the stored rows of asynchronous projections forward once. */
  catchUp(options?: CatchUpOptions): Promise<CatchUpResult>;
  /** Does so until the signal aborts. */
  run(options: RunOptions): Promise<void>;
  /** Builds rows anew, beside the present ones, and swaps them. */
  rebuild(name: string, options?: RebuildRequest): Promise<Rebuilt>;
  /**
   * Builds the rows of this process's code without showing them yet: before a deployment. Where its rows are the ones
   * that readers see, it returns these. @default all projections
   */
  prebuild(names?: readonly string[], options?: RebuildRequest): Promise<Rebuilt[]>;
  /** Goes back to the version that readers saw before, once nobody reads its view. */
  rollback(name: string, options?: RollbackOptions): Promise<RolledBack>;
  /** Ends a projection, whether or not this process has its code, once nobody reads its view. */
  retire(name: string, options?: RetireOptions): Promise<void>;
  /** Compares stored rows with the log. */
  verify(name: string, options?: VerifyOptions): Promise<Verification>;
  /** Compares a part of them after the other, at a bounded rate, until the signal aborts. */
  verifyContinuously(options: ContinuousOptions): Promise<void>;
  /** Folds keys that are set aside again. */
  redrive(name: string, options?: RedriveOptions): Promise<Redriven>;
  status(): Promise<Status>;
  retentionFloor(): Promise<RetentionFloor>;
}

/** Everything that works holds one connection and waits for no other; one more listens, for all of them. */
const connectionsNeeded = 2;

/**
 * Puts a log and projections together. Opens nothing; the first call that needs the database migrates it.
 *
 * @throws {ProjectionError} `OPTION_INVALID`
 */
export function createBootstrap(options: BootstrapOptions): Bootstrap {
  const settings = readSettings(options);
  const { pool, log, projections } = settings;
  const prepare = databasePreparation(settings);
  const after = <Result>(work: () => Promise<Result>): Promise<Result> => prepare().then(work);
  const named = (name: string): Projection => {
    const found = projections.find((projection) => projection.name === name);
    if (found !== undefined) return found;
    throw new ProjectionError("PROJECTION_UNKNOWN", `there is no projection ${JSON.stringify(name)}`, {
      hint: `it is one of ${projections.map((projection) => projection.name).join(", ")}`,
    });
  };
  const build = (name: string, request: RebuildRequest, activate: boolean): Promise<Rebuilt> =>
    after(() => {
      const { owner, leaseMs, keep, page } = settings;
      const reason = activate ? "rebuilt by request" : "built before its code runs";
      // Of the code that runs there is nothing to build ahead.
      const orActive = activate ? undefined : { otherThan: undefined };
      const from = { pool, log, owner, leaseMs, keep, page, activate, reason, orActive };
      return rebuildProjection(named(name), { ...from, ...request });
    });
  return {
    migrate: () => prepare(),
    boot: (bootOptions = {}) => after(() => boot(settings, bootOptions)),
    follow: (booted, followOptions = {}) => new ModelFollower(settings, booted as BootOutcome, followOptions),
    append: async (stream, events, appendOptions = {}) => {
      await prepare(appendOptions.client);
      return await appendEvents({ pool, log: ownLog(log), projections }, stream, events, appendOptions);
    },
    catchUp: (catchUpOptions) => after(() => catchUp(settings, catchUpOptions)),
    run: (runOptions) => after(() => runProjections(settings, runOptions)),
    rebuild: (name, request = {}) => build(name, request, true),
    prebuild: async (names = projections.map(({ name }) => name), request = {}) => {
      const built: Rebuilt[] = [];
      for (const name of names) built.push(await build(name, request, false));
      return built;
    },
    rollback: (name, rollbackOptions) => after(() => rollback(named(name), settings, rollbackOptions)),
    retire: (name, retireOptions) => after(() => retire(name, settings, retireOptions)),
    verify: (name, verifyOptions) => after(() => verifyProjection(named(name), settings, verifyOptions)),
    verifyContinuously: (continuous) =>
      after(() => {
        for (const name of continuous.names ?? []) named(name);
        return verifyContinuously(settings, continuous);
      }),
    redrive: (name, redriveOptions) => after(() => redrive(named(name), settings, redriveOptions)),
    status: () => after(() => readStatus(settings)),
    retentionFloor: () => after(() => readRetentionFloor(settings)),
  };
}

const numbers = z.object({
  page: z.object({ rows: optional.count, bytes: optional.count }).optional(),
  readers: optional.count,
  keep: optional.countOrNone,
  leaseMs: optional.milliseconds,
});

function readSettings(options: BootstrapOptions): Settings {
  checkOptions(numbers, options);
  const { pool, projections, log = postgresLog(), policy = {}, page, keep = 1, leaseMs = 30_000 } = options;
  const { readers = Math.min(4, Math.max(2, availableParallelism())) } = options;
  const names = projections.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new ProjectionError("OPTION_INVALID", `two projections are named ${twice}`, {
      hint: "rename one of them",
    });
  }
  const inline = projections.find(({ mode }) => mode === "inline");
  if (inline !== undefined && !log.inline) {
    throw new ProjectionError(
      "LOG_UNSUITABLE",
      `${inline.name} cannot be kept inline: ${log.name} is not ours to write`,
      {
        hint: 'leave out { mode: "inline" }; a runner keeps it close behind the log',
      },
    );
  }
  const { max } = pool.options;
  if (max < connectionsNeeded) {
    throw new ProjectionError(
      "OPTION_INVALID",
      `the pool's max is ${max}, and ${connectionsNeeded} connections are needed: one to listen, one to work`,
      { hint: `make it with new pg.Pool({ max: ${connectionsNeeded} }) or more` },
    );
  }
  return {
    pool,
    log,
    projections,
    policy,
    page: { rows: page?.rows ?? defaultPage.rows, bytes: page?.bytes ?? defaultPage.bytes },
    readers,
    keep,
    owner: `${hostname()} ${process.pid} ${randomUUID().slice(0, 8)}`,
    leaseMs,
  };
}

function ownLog(log: EventLog): PostgresLog {
  if (log.inline && "ordering" in log) return log as PostgresLog;
  throw new ProjectionError("LOG_UNSUITABLE", `${log.name} belongs to somebody else and is only read`, {
    hint: "append with the application that keeps it",
  });
}
