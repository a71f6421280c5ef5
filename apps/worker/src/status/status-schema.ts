import { z } from "zod";
import { branchEvent } from "./event-schema.ts";

const time = z.string();

export const contentIssue = z.object({
  path: z.string(),
  line: z.number().nullable(),
  column: z.number().nullable(),
  code: z.string(),
  message: z.string(),
  severity: z.enum(["error", "warning"]),
});
export type ContentIssue = z.infer<typeof contentIssue>;

export const branchState = z.enum(["error", "parked", "building", "pending", "ready", "deleted"]);
export type BranchState = z.infer<typeof branchState>;

export const branchRow = z.object({
  id: z.string(),
  repository: z.string(),
  /** Short name: `drafts/x`. */
  branch: z.string(),
  class: z.enum(["live", "draft"]),
  state: branchState,
  owner: z.string().nullable(),
  /** The tip as last observed, and since when it is wanted. */
  wanted: z.object({ commit: z.string().nullable(), at: time }),
  served: z
    .object({
      commit: z.string(),
      version: z.string(),
      publishedAt: time,
      committedAt: time,
      author: z.string(),
      buildMs: z.number(),
    })
    .nullable(),
  /** Since when readers do not see what is wanted; null when they do, or when the branch is pinned. */
  behindSince: time.nullable(),
  /** The newest version's commit, when the branch is pinned to another one. */
  pinned: z.object({ at: time, latest: z.string().nullable() }).nullable(),
  /** When a build that failed is tried again. */
  retryAt: time.nullable(),
  attempts: z.number(),
  builder: z.object({ worker: z.string(), until: time }).nullable(),
  error: z
    .object({
      code: z.string(),
      message: z.string(),
      commit: z.string().nullable(),
      at: time.nullable(),
      /** How many issues block the commit; at most 1,000 are counted. */
      issues: z.number(),
      first: contentIssue.nullable(),
    })
    .nullable(),
  /** Issues of the served version that did not keep it from being served; at most 100 are counted. */
  warnings: z.number(),
  /** How what is served compared with git; null while it was not compared. */
  audit: z.object({ at: time, differences: z.number() }).nullable(),
  deletedAt: time.nullable(),
  /** How often, of the events since then: older ones may have left the log. Null when it has none. */
  activity: z.object({
    since: time.nullable(),
    published: z.number(),
    failed: z.number(),
    parked: z.number(),
    lastType: z.string().nullable(),
    lastAt: time.nullable(),
  }),
});
export type BranchRow = z.infer<typeof branchRow>;

export const repositoryRow = z.object({
  id: z.string(),
  name: z.string(),
  /** Without credentials. */
  url: z.string(),
  tenant: z.string(),
  projector: z.string(),
  defaultBranch: z.string().nullable(),
  pausedAt: time.nullable(),
  /** Why deletions are held back. */
  guard: z.string().nullable(),
  observedAt: time.nullable(),
  changedAt: time.nullable(),
  nextLookAt: time,
  failures: z.number(),
  error: z.object({ code: z.string(), message: z.string(), at: time.nullable() }).nullable(),
});
export type RepositoryRow = z.infer<typeof repositoryRow>;

export const workerRow = z.object({
  id: z.string(),
  host: z.string(),
  pid: z.number(),
  version: z.string(),
  startedAt: time,
  /** Its last heartbeat. */
  seenAt: time,
  concurrency: z.number(),
  building: z.number(),
  draining: z.boolean(),
  /** Its loops whose last turn failed. */
  failingLoops: z.array(z.string()),
});
export type WorkerRow = z.infer<typeof workerRow>;

export const deliveryRow = z.object({
  id: z.string(),
  source: z.string(),
  event: z.string(),
  receivedAt: time,
  outcome: z.string(),
  /** Why nothing came of it, or the last failure. */
  reason: z.string().nullable(),
  /** What it is about: repositories by name, or by place where no name is known. */
  about: z.array(z.string()),
  branches: z.array(z.string()),
  pushedBy: z.string().nullable(),
});
export type DeliveryRow = z.infer<typeof deliveryRow>;

export const totals = z.object({
  branches: z.number(),
  live: z.number(),
  drafts: z.number(),
  states: z.record(branchState, z.number()),
  /** Of those that fail or were given up, the ones that never had a version: readers see nothing of them. */
  unserved: z.number(),
  pinned: z.number(),
  /** Branches that are due or being built. */
  queue: z.number(),
  /** Since when the branch waits that waits longest. */
  oldestWait: time.nullable(),
  /** Branches that are not shown, because there are too many. */
  notShown: z.number(),
  /** Deliveries that wait to be applied; at most 10,000 are counted. */
  pendingDeliveries: z.number(),
});
export type Totals = z.infer<typeof totals>;

export const health = z.object({
  /** Whether what is shown is what the database said within the last looks. */
  ok: z.boolean(),
  /** Since when it is so. */
  since: time,
  reason: z.string().nullable(),
  /** Whether the database was read at all since this worker started; nothing is known before. */
  loaded: z.boolean(),
});
export type Health = z.infer<typeof health>;

export const hourlyCounts = z.object({
  hour: time,
  published: z.number(),
  failed: z.number(),
  deleted: z.number(),
});
export type HourlyCounts = z.infer<typeof hourlyCounts>;

/** What is one of a kind in a status. */
export const singles = z.object({
  health,
  totals,
  /** The last 24 hours with events, oldest first. */
  hours: z.array(hourlyCounts),
  /** The latest events of all branches, newest first. */
  latest: z.array(branchEvent),
});
export type Singles = z.infer<typeof singles>;

export const collections = z.object({
  branches: z.array(branchRow),
  repositories: z.array(repositoryRow),
  workers: z.array(workerRow),
  deliveries: z.array(deliveryRow),
});
export type Collections = {
  [Kind in keyof z.infer<typeof collections>]: z.infer<typeof collections>[Kind][number];
};

/** The answer of `GET /status`. Keys are added, never changed: ignore what you do not know. */
export const status = z.object({
  /** Names this answer's state; `GET /live?since=<id>` goes on from there. */
  id: z.string(),
  /** The worker that answers. */
  worker: z.string(),
  /** Whether `POST /actions/…` is there. */
  actions: z.boolean(),
  ...singles.shape,
  ...collections.shape,
});
export type Status = z.infer<typeof status>;

/** The data of a `change` of `GET /live`: what is new, and the ids of what is gone. */
export type StatusChange = { readonly id: string } & Partial<Singles> & {
    readonly [Kind in keyof Collections]?: {
      readonly set: readonly Collections[Kind][];
      readonly gone: readonly string[];
    };
  };

const issues = z.object({ total: z.number(), shown: z.array(contentIssue) });

/** The answer of `GET /branch`. */
export const branchDetail = z.object({
  id: z.string(),
  repository: z.string(),
  branch: z.string(),
  /** Whether readers see what was last observed to be the branch's tip. */
  current: z.boolean(),
  /** Why, and what to do, in sentences. */
  reasons: z.array(z.string()),
  /** What keeps the newest commit from being served. */
  blocking: issues,
  /** What is wrong with the served version, without keeping it from being served. */
  warnings: issues,
  /** Kept versions, newest first. */
  history: z.array(
    z.object({
      version: z.string(),
      commit: z.string(),
      served: z.boolean(),
      author: z.string(),
      committedAt: z.string(),
      publishedAt: z.string(),
      buildMs: z.number(),
      blobsParsed: z.number(),
      blobsReused: z.number(),
    }),
  ),
  /** The branch's latest events, newest first. */
  events: z.array(
    z.object({
      position: z.number(),
      type: z.string(),
      at: z.string(),
      commit: z.string().nullable(),
      previousCommit: z.string().nullable(),
      code: z.string().nullable(),
      reason: z.string().nullable(),
      changed: z.object({ total: z.number(), shown: z.array(z.string()) }).nullable(),
    }),
  ),
});
export type BranchDetail = z.infer<typeof branchDetail>;
