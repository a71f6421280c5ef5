import type { Model } from "@headstart/projection-bootstrap";
import type pg from "pg";
import { noActivity, outlineAsOf } from "./activity-outline.ts";
import { branchActivity, type BranchActivity } from "./branch-activity.ts";
import { hourlyOutcomes, startOfHour } from "./hourly-outcomes.ts";
import { latestEvents } from "./latest-events.ts";
import { branchRowOf, readBranches, type BranchFacts, type BranchLook } from "./read-branches.ts";
import { readDeliveries } from "./read-deliveries.ts";
import { readRepositories } from "./read-repositories.ts";
import { readWorkers } from "./read-workers.ts";
import { summarise } from "./summarise.ts";
import type { BranchRow, HourlyCounts } from "./status-schema.ts";
import type { StatusStore } from "./status-store.ts";

interface Known {
  facts: BranchFacts;
  activity: BranchActivity | undefined;
  row: BranchRow;
}

/** Every branch is read again after this long, whatever changed: a safety net, and how deleted ones leave. */
const FULL_LOOK_MS = 60_000;

/** Keeps the status in step with the database: what is no event is read, and what is one comes from the read model. */
export class StatusModel {
  readonly #db: pg.Pool;
  readonly #store: StatusStore;
  readonly #branches = new Map<string, Known>();
  #snapshot: string | undefined;
  #fullAt = -Infinity;
  #notShown = 0;

  constructor(db: pg.Pool, store: StatusStore) {
    this.#db = db;
    this.#store = store;
  }

  /**
   * @param events brings the read model up to date; called after the tables were read, so that it is never behind them.
   *   What it is ahead of them is left out, so that all of a branch is said as of one moment.
   */
  async look(events: () => Promise<Model>): Promise<void> {
    const full = performance.now() - this.#fullAt > FULL_LOOK_MS;
    const branches = await readBranches(this.#db, { since: full ? undefined : this.#snapshot });
    const repositories = await readRepositories(this.#db);
    const workers = await readWorkers(this.#db);
    const deliveries = await readDeliveries(this.#db);
    const model = await events();
    // Nothing is taken before everything was read: a look that fails is made again from the same place.
    const now = new Date();
    if (full) this.#takeAll(branches);
    this.#snapshot = branches.snapshot;
    this.#takeBranches(branches.branches, model, now);
    this.#store.replace("repositories", repositories);
    this.#store.replace("workers", workers);
    this.#store.replace("deliveries", deliveries.latest);
    const rows = [...this.#branches.values()].map(({ row }) => row);
    this.#store.set("totals", {
      ...summarise(rows),
      notShown: this.#notShown,
      pendingDeliveries: deliveries.pending,
    });
    this.#store.set("hours", lastHours(model, now));
    this.#store.set("latest", model.get(latestEvents, "latest")?.events ?? []);
  }

  /** Forgets what a look at all branches did not find. */
  #takeAll({ branches, found }: BranchLook): void {
    this.#fullAt = performance.now();
    this.#notShown = Math.max(0, found - branches.length);
    const ids = new Set(branches.map(({ id }) => id));
    for (const id of [...this.#branches.keys()].filter((each) => !ids.has(each))) {
      this.#branches.delete(id);
      this.#store.remove("branches", id);
    }
  }

  #takeBranches(changed: readonly BranchFacts[], model: Model, now: Date): void {
    const fresh = new Set(changed);
    for (const facts of changed) {
      const { id } = facts;
      this.#branches.set(id, { ...(this.#branches.get(id) ?? placeholder(facts, now)), facts });
    }
    for (const [id, known] of this.#branches) {
      const activity = model.get(branchActivity, id);
      if (!fresh.has(known.facts) && activity === known.activity && !ages(known)) continue;
      known.activity = activity;
      const outlined = outlineAsOf(activity, known.facts) ?? known.row.activity;
      known.row = branchRowOf(known.facts, { activity: outlined, now });
      this.#store.put("branches", known.row);
    }
  }
}

function placeholder(facts: BranchFacts, now: Date): Known {
  return { facts, activity: undefined, row: branchRowOf(facts, { activity: noActivity, now }) };
}

/** Whether time alone can change what is said of a branch: its lease runs out, or its next attempt becomes due. */
function ages({ row }: Known): boolean {
  return row.builder !== null || row.retryAt !== null;
}

function lastHours(model: Model, now: Date): HourlyCounts[] {
  const hours = Array.from({ length: 24 }, (_, back) =>
    startOfHour(new Date(now.getTime() - (23 - back) * 3_600_000)),
  );
  return hours.flatMap((hour) => model.get(hourlyOutcomes, hour) ?? []);
}
