import { hostname } from "node:os";
import type pg from "pg";
import { build, type BuildOptions, type Built } from "./build/build-version.ts";
import { materialize, type Materialized } from "./build/materialize.ts";
import { publish, type Published } from "./build/publish.ts";
import { defaultSettings, type Context, type Settings } from "./context.ts";
import { migrate } from "./database/migrate.ts";
import { defaultDocumentLimits, type DocumentLimits } from "./documents/document-limits.ts";
import { consumeEvents, type EventHandler } from "./events/consume-events.ts";
import { resolveLimits } from "./git/git-limits.ts";
import { observe, type Observation } from "./observe/observe.ts";
import type { Projector } from "./projector/projector.ts";
import { underLimits } from "./projector/under-limits.ts";
import { explain, type Explanation } from "./proof/explain.ts";
import { auditNext, verify, type Verification } from "./proof/verify.ts";
import { claim, type ClaimOptions, type Lease } from "./queue/claim.ts";
import { fail, type Failed, type Failure } from "./queue/fail.ts";
import { release, renew } from "./queue/lease.ts";
import { openMirrors, type MirrorSettings } from "./repositories/mirrors.ts";
import {
  registerRepository,
  type Registered,
  type Registration,
} from "./repositories/register-repository.ts";
import { checkOptions } from "./options/check-options.ts";
import { materializerOptions } from "./options/materializer-options.ts";
import { withDefaults } from "./options/with-defaults.ts";
import { retain, type Retained } from "./retention/retain.ts";
import { hint, type Hint } from "./requests/hint.ts";
import { inProcessRunner, type InProcessRunner } from "./runner/in-process-runner.ts";
import { run, type RunOptions } from "./runner/run.ts";
import { behind, type Behind } from "./versions/compare-branches.ts";
import { diff, type VersionDifference } from "./versions/diff.ts";
import { fileAt, type CommittedFile, type FileName } from "./versions/file-at.ts";
import { findBranch, type Branch, type BranchName } from "./versions/find-branch.ts";
import {
  asOf,
  blockingIssues,
  history,
  readIssues,
  readRows,
  type Version,
} from "./versions/read-versions.ts";
import { confirmDeletions, pause, rebuild, redrive, resume } from "./versions/redrive.ts";
import { rollback, unpin } from "./versions/rollback.ts";
import { tips, type Tip } from "./versions/tips.ts";

export interface MaterializerOptions {
  /** The caller's pool: it is used, never ended. Two connections are enough; one more for each build at a time. */
  readonly db: pg.Pool;
  readonly projectors: readonly Projector[];
  /** Where mirrors lie on this machine, which urls are allowed, and where credentials come from. */
  readonly mirrors: MirrorSettings;
  /** Shown in leases. Default: host name and process id. */
  readonly worker?: string;
  readonly documentLimits?: Partial<DocumentLimits>;
  readonly settings?: Partial<Settings>;
}

export type Materializer = ReturnType<typeof bind> & AsyncDisposable;

/**
 * Ties the stages to one database and one directory of mirrors. Cheap and without side effects; call `migrate()`
 * and `register()` at start, then `run()`, or the stages by hand.
 *
 * @throws MaterializerError `OPTION_INVALID`
 */
export function createMaterializer(options: MaterializerOptions): Materializer {
  checkOptions("createMaterializer", materializerOptions, options);
  const mirrors = openMirrors(options.mirrors);
  const limits = {
    documents: withDefaults(defaultDocumentLimits, options.documentLimits),
    git: resolveLimits(options.mirrors.limits),
  };
  const context: Context = {
    db: options.db,
    worker: options.worker ?? `${hostname()}:${process.pid}`,
    projectors: new Map(
      options.projectors.map((projector) => [projector.name, underLimits(projector, limits)]),
    ),
    mirrors,
    documentLimits: limits.documents,
    settings: withDefaults(defaultSettings, options.settings),
  };
  return { ...bind(context), [Symbol.asyncDispose]: async () => await mirrors[Symbol.asyncDispose]() };
}

function bind(context: Context) {
  const { db } = context;
  return {
    migrate: async (): Promise<string[]> => await migrate(db),
    register: async (registration: Registration): Promise<Registered> =>
      await registerRepository(context, registration),

    hint: async (...hints: readonly Hint[]): Promise<void> => await hint(db, ...hints),
    observe: async (repository: string, options?: { signal?: AbortSignal }): Promise<Observation> =>
      await observe(context, repository, options),
    claim: async (options?: ClaimOptions): Promise<Lease[]> => await claim(context, options),
    renew: async (lease: Lease): Promise<boolean> => await renew(context, lease),
    release: async (lease: Lease): Promise<void> => await release(context, lease),
    build: async (lease: Lease, options: BuildOptions) => await build(context, lease, options),
    publish: async (lease: Lease, built: Built): Promise<Published> =>
      await publish(context, lease, { built, changedPaths: built.changedPaths }),
    fail: async (lease: Lease, failure: Failure): Promise<Failed> => await fail(context, lease, failure),
    /** `build`, then `publish` or `fail`, with the lease renewed meanwhile. */
    materialize: async (lease: Lease, options?: Parameters<typeof materialize>[2]): Promise<Materialized> =>
      await materialize(context, lease, options),
    run: async (options: RunOptions): Promise<void> => await run(context, options),
    inProcessRunner: (options?: { signal?: AbortSignal }): InProcessRunner =>
      inProcessRunner(context, options),

    branch: async (name: BranchName): Promise<Branch> => await findBranch(db, name),
    history: async (name: BranchName): Promise<Version[]> => await history(db, name),
    asOf: async (name: BranchName, at: Parameters<typeof asOf>[2]): Promise<Version> =>
      await asOf(db, name, at),
    readRows: async (version: string, options?: { collection?: string }) =>
      await readRows(db, version, options),
    readIssues: async (version: string) => await readIssues(db, version),
    blockingIssues: async (name: BranchName) => await blockingIssues(db, name),
    behind: async (
      names: BranchName & { base: string },
      options?: { signal?: AbortSignal },
    ): Promise<Behind> => await behind(context, names, options),
    diff: async (
      name: BranchName & { oid: string },
      options?: { signal?: AbortSignal },
    ): Promise<VersionDifference> => await diff(context, name, options),
    fileAt: async (name: FileName, options?: { signal?: AbortSignal }): Promise<CommittedFile> =>
      await fileAt(context, name, options),
    tips: async (repository: string, options?: { signal?: AbortSignal }): Promise<Tip[]> =>
      await tips(context, repository, options),
    rollback: async (name: BranchName, options?: { to?: string; reason?: string }): Promise<Version> =>
      await rollback(context, name, options),
    unpin: async (name: BranchName): Promise<void> => await unpin(context, name),

    verify: async (name: BranchName, options?: { signal?: AbortSignal }): Promise<Verification> =>
      await verify(context, name, options),
    /** One step of a rolling audit; what differs is built again from scratch, once. */
    audit: async (options?: { signal?: AbortSignal }): Promise<Verification | undefined> =>
      await auditNext(context, options),
    explain: async (name: BranchName): Promise<Explanation> => await explain(context, name),

    redrive: async (names: { repository: string; branch?: string }): Promise<number> =>
      await redrive(context, names),
    rebuild: async (name: BranchName): Promise<void> => await rebuild(db, name),
    pause: async (repository: string): Promise<void> => await pause(context, repository),
    resume: async (repository: string): Promise<void> => await resume(context, repository),
    confirmDeletions: async (repository: string): Promise<void> =>
      await confirmDeletions(context, repository),
    /** One bounded step of cleaning up: to be called now and then, on every machine that has mirrors. */
    retain: async (options?: { signal?: AbortSignal }): Promise<Retained> => await retain(context, options),

    consume: async (options: { consumer: string; handler: EventHandler; limit?: number }): Promise<number> =>
      await consumeEvents(db, options),
  };
}
