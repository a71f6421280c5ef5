import {
  adoptLog,
  createBootstrap,
  ProjectionError,
  type Bootstrap,
  type Following,
  type Model,
} from "@headstart/projection-bootstrap";
import { pause } from "../loops/pause.ts";
import { runLoop } from "../loops/run-loop.ts";
import type { WorkerContext } from "../worker-context.ts";
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
  /** Keeps the store in step with the database until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** Milliseconds between looks when nobody rings. */
const EVERY_MS = 1_000;

/** The shortest time between two looks, so that a burst of events is one change for every viewer. */
const REST_MS = 200;

/** A look that took t is followed by a rest of at least this many t: big installations are looked at less often. */
const REST_SHARE = 15;
const LONGEST_REST_MS = 10_000;

/** The status of everything that this database's workers do. One set of queries a process, however many look at it. */
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
  return {
    store,
    run: async (signal) => {
      await Promise.all([
        keepRows(context, bootstrap, signal),
        keepStatus(context, { bootstrap, store }, signal),
      ]);
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
    everyMs: EVERY_MS,
    turn: async () => void (await bootstrap.catchUp({ signal })),
  });
}

async function keepStatus(
  context: StatusContext,
  { bootstrap, store }: { bootstrap: Bootstrap; store: StatusStore },
  signal: AbortSignal,
): Promise<void> {
  const status = new StatusModel(context.db, store);
  await using reader = new EventReader(bootstrap, signal);
  await runLoop(context, signal, {
    loop: "status",
    everyMs: EVERY_MS,
    bell: context.bells.events,
    turn: async () => {
      const rung = listenMeanwhile(context, signal);
      let began = performance.now();
      try {
        await reader.boot();
        began = performance.now();
        await status.look(() => reader.read());
        store.setHealth(true, null);
      } catch (error) {
        rung();
        if (!signal.aborted) store.setHealth(false, reasonOf(context, error));
        throw error;
      } finally {
        store.commit();
      }
      const rest = (performance.now() - began) * REST_SHARE;
      await pause(Math.min(Math.max(REST_MS, rest), LONGEST_REST_MS), signal);
      return rung();
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

interface Booted {
  readonly model: Model;
  readonly following: Following;
}

/** Boots the read model when it is first needed, and again when the log was replaced by an older one. */
class EventReader implements AsyncDisposable {
  readonly #bootstrap: Bootstrap;
  readonly #signal: AbortSignal;
  #booted: Booted | undefined;

  constructor(bootstrap: Bootstrap, signal: AbortSignal) {
    this.#bootstrap = bootstrap;
    this.#signal = signal;
  }

  async boot(): Promise<Booted> {
    if (this.#booted === undefined) {
      const booted = await this.#bootstrap.boot({ signal: this.#signal });
      // Looks are asked for by `poll`; the follower's own are a net below it.
      const following = this.#bootstrap.follow(booted, { pollMs: 60_000, signal: this.#signal });
      this.#booted = { model: booted.model, following };
    }
    return this.#booted;
  }

  /** The model with every event that is final now. */
  async read(): Promise<Model> {
    const { model, following } = await this.boot();
    try {
      await following.poll();
    } catch (error) {
      if (error instanceof ProjectionError && error.code === "POSITION_MISSED") await this.#close();
      throw error;
    }
    return model;
  }

  async #close(): Promise<void> {
    const booted = this.#booted;
    this.#booted = undefined;
    await booted?.following.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}

function reasonOf({ secrets }: StatusContext, error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return secrets.redact(message).slice(0, 300);
}
