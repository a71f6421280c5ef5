import { adoptLog, createBootstrap, type Bootstrap } from "@headstart/projection-bootstrap";
import { pause } from "../loops/pause.ts";
import { runLoop } from "../loops/run-loop.ts";
import type { WorkerContext } from "../worker-context.ts";
import { createAudience, type Audience } from "./audience.ts";
import { EventReader } from "./event-reader.ts";
import { projections } from "./projections.ts";
import { StatusModel } from "./status-model.ts";
import { StatusStore } from "./status-store.ts";
import { summarise } from "./summarise.ts";

export type StatusContext = Pick<
  WorkerContext,
  "db" | "config" | "log" | "loops" | "bells" | "worker" | "secrets"
>;

export interface OpenStatus {
  readonly store: StatusStore;
  /** Somebody stays to be told what changes. @returns to be called when they leave */
  join(): () => void;
  /** The status as the database is, or one that says why it is not known. */
  snapshot(): Promise<StatusStore>;
  /** Keeps the store in step with the database, while somebody watches, until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** Milliseconds between looks when nobody rings. */
const EVERY_MS = 1_000;

/** A look that takes longer, in milliseconds, is said: what was known must not be taken for what is. */
const LATE_MS = 5_000;
const LATE = "The database has not answered yet: this was known before.";

/** Milliseconds between signs of life of the loop while nobody watches. */
const IDLE_MS = 60_000;

/** Milliseconds between two times that stored rows are brought closer to the log. */
const ROWS_EVERY_MS = 30_000;

/** The shortest time between two looks, so that a burst of events is one change for every viewer. */
const REST_MS = 200;

/** A look that took t is followed by a rest of at least this many t: big installations are looked at less often. */
const REST_SHARE = 15;
const LONGEST_REST_MS = 10_000;

/**
 * The status of everything that this database's workers do. One set of queries a process, however many look at it, and
 * none while nobody does.
 */
export function openStatus(context: StatusContext): OpenStatus {
  const store = new StatusStore({
    worker: context.worker,
    actions: context.config.http.token !== undefined,
  });
  store.setHealth(false, "This worker has just started and not looked at the database yet.");
  store.set("totals", { ...summarise([]), notShown: 0, pendingDeliveries: 0 });
  store.set("hours", []);
  store.set("latest", []);
  store.commit();
  const bootstrap = createBootstrap({
    pool: context.db,
    projections,
    // No channel: the worker's own listener rings, and no further connection is kept for it.
    log: adoptLog({
      table: "headstart_materializer.events",
      columns: { position: "number", stream: "branch_id", version: "position", data: "message" },
    }),
    // What is shown may be rebuilt at any time; the truth is the materializer's.
    policy: { aheadOfLog: "rebuild", rolledBack: "rebuild", poisonEvent: "set-aside" },
    readers: 2,
  });
  const audience = createAudience();
  return {
    store,
    join: () => audience.join(),
    snapshot: async () => {
      await audience.ask();
      return store;
    },
    run: async (signal) => {
      await Promise.all([
        keepRows(context, bootstrap, signal),
        keepStatus(context, { bootstrap, store, audience }, signal),
      ]);
      store.setHealth(false, "This worker is ending and looks at the database no more.");
      store.commit();
      audience.shown();
    },
  };
}

/**
 * Stored rows close behind the log, so that the next start reads few events. One worker writes, others stand by. Not
 * at every event: nobody waits for it, and a write for each costs as much as a build.
 */
async function keepRows(context: StatusContext, bootstrap: Bootstrap, signal: AbortSignal): Promise<void> {
  await runLoop(context, signal, {
    loop: "status-rows",
    everyMs: ROWS_EVERY_MS,
    turn: async () => {
      const { projections: caughtUp } = await bootstrap.catchUp({ signal });
      const stopped = caughtUp.find(({ outcome }) => outcome === "stopped");
      if (stopped === undefined) return;
      const { projection, error } = stopped;
      throw new Error(`The stored rows of ${projection} cannot go on: ${reasonOf(context, error)}`, {
        cause: error,
      });
    },
  });
}

async function keepStatus(
  context: StatusContext,
  { bootstrap, store, audience }: { bootstrap: Bootstrap; store: StatusStore; audience: Audience },
  signal: AbortSignal,
): Promise<void> {
  const status = new StatusModel(context.db, store);
  await using reader = new EventReader(bootstrap, signal);
  const show = (ok: boolean, reason: string | null): void => {
    store.setHealth(ok, reason);
    store.commit();
    audience.shown();
  };
  let looked = false;
  await runLoop(context, signal, {
    loop: "status",
    everyMs: EVERY_MS,
    bell: context.bells.events,
    turn: async () => {
      // The first look is for whoever comes first: it reads what there is of history.
      if (looked && !audience.present) {
        audience.left();
        await pause(IDLE_MS, signal, audience.arrivals);
        return true;
      }
      const rung = listenMeanwhile(context, signal);
      // Until the first look the status says itself that there was none.
      const late = looked ? setTimeout(show, LATE_MS, false, LATE) : undefined;
      try {
        await reader.boot();
        const began = performance.now();
        await status.look(() => reader.read()).finally(() => clearTimeout(late));
        show(true, null);
        looked = true;
        const rest = (performance.now() - began) * REST_SHARE;
        await pause(Math.min(Math.max(REST_MS, rest), LONGEST_REST_MS), signal);
        return rung();
      } catch (error) {
        rung();
        clearTimeout(late);
        if (!signal.aborted) show(false, reasonOf(context, error));
        throw error;
      }
    },
  });
}

/** Says whether the bell rang since: somebody who works cannot hear it. */
function listenMeanwhile({ bells }: StatusContext, signal: AbortSignal): () => boolean {
  let rang = false;
  const done = new AbortController();
  void bells.events.next(AbortSignal.any([signal, done.signal])).then(() => (rang = !done.signal.aborted));
  return () => {
    done.abort();
    return rang;
  };
}

function reasonOf({ secrets }: StatusContext, error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return secrets.redact(message).slice(0, 300);
}
