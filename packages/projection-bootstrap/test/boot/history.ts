import type pg from "pg";
import { expect } from "vitest";
import { type Bootstrap, createBootstrap } from "../../src/create-bootstrap.ts";
import type { Following } from "../../src/boot/follow.ts";
import type { Model } from "../../src/boot/model.ts";
import type { StoredEvent } from "../../src/log/event-log.ts";
import type { Projection } from "../../src/projection/define-projection.ts";
import { fullFold, sorted } from "../support/full-fold.ts";
import { amounts } from "../support/projections.ts";
import type { Scratch } from "../support/scratch-database.ts";

export type Command =
  | { readonly kind: "append"; readonly stream: number; readonly amount: number }
  | { readonly kind: "open"; readonly writer: number; readonly stream: number; readonly amount: number }
  | { readonly kind: "close"; readonly writer: number; readonly commit: boolean }
  | { readonly kind: "catch up"; readonly which: readonly boolean[] }
  | { readonly kind: "break off"; readonly which: number }
  | { readonly kind: "rebuild"; readonly which: number }
  | { readonly kind: "boot" }
  | { readonly kind: "poll" };

/** What happened beside open writers, over all histories of a set. */
export interface Seen {
  past: number;
  overtaken: number;
  rebuilt: number;
  refused: number;
}

class Broken extends Error {}

interface Writer {
  readonly client: pg.PoolClient;
  /** What nobody else gets before it ends. */
  readonly locks: Set<string>;
  /** Whether others appended since. */
  past: boolean;
}

/** Plays commands against the real thing, and compares every model with a fold of what was visible to it. */
export class History implements AsyncDisposable {
  readonly #scratch: Scratch;
  readonly #projections: readonly Projection[];
  readonly #seen: Seen;
  readonly #bootstrap: Bootstrap;
  readonly #writers = new Map<number, Writer>();
  #following: Following | undefined;
  #model: Model | undefined;
  /** Of inline rows, which is done once no writer is open. */
  #rebuilding: Promise<unknown> | undefined;

  constructor(scratch: Scratch, projections: readonly Projection[], seen: Seen) {
    this.#scratch = scratch;
    this.#projections = projections;
    this.#seen = seen;
    this.#bootstrap = this.#make(projections);
  }

  #make(projections: readonly Projection[]): Bootstrap {
    return createBootstrap({ pool: this.#scratch.pool, projections, page: { rows: 3 } });
  }

  async begin(): Promise<void> {
    await this.#bootstrap.boot();
  }

  async run(command: Command): Promise<void> {
    switch (command.kind) {
      case "append":
        await this.#append(command);
        return;
      case "open":
        await this.#open(command);
        return;
      case "close":
        await this.#close(command.writer, command.commit);
        return;
      case "catch up":
        await this.#make(this.#projections.filter((_each, index) => command.which[index])).catchUp();
        return;
      case "break off":
        await this.#breakOff(this.#projections[command.which] as Projection);
        return;
      case "rebuild":
        await this.#rebuild(this.#projections[command.which % 2] as Projection);
        return;
      case "boot":
        await this.#boot();
        return;
      case "poll":
        await this.#following?.poll();
        if (this.#model !== undefined) await this.#compare(this.#model);
    }
  }

  /** An append to a stream, or to a key of inline rows, that another open writer has would wait for ever. */
  #isFree(locks: ReadonlySet<string>, own?: Writer): boolean {
    return ![...this.#writers.values()].some(
      (writer) => writer !== own && [...locks].some((lock) => writer.locks.has(lock)),
    );
  }

  #locksOf(target: number, values: readonly number[]): Set<string> {
    const name = `s${target}`;
    const locks = new Set([`stream ${name}`]);
    for (const { mode, definition, name: projection } of this.#projections) {
      if (mode !== "inline") continue;
      for (const event of amounts(...values)) {
        const given = { ...event, stream: name } as unknown as StoredEvent;
        const keys = [definition.key(given) ?? [], definition.reads?.(given) ?? []].flat();
        for (const key of keys) locks.add(`${projection} ${key}`);
      }
    }
    return locks;
  }

  async #append({ stream: target, amount: value }: Extract<Command, { kind: "append" }>): Promise<void> {
    const values = [value, value + 1];
    if (!this.#isFree(this.#locksOf(target, values))) return;
    await this.#bootstrap.append(`s${target}`, amounts(...values));
    for (const writer of this.#writers.values()) writer.past = true;
    if (this.#writers.size > 0) this.#seen.past++;
  }

  async #open({ writer, stream: target, amount: value }: Extract<Command, { kind: "open" }>): Promise<void> {
    const locks = this.#locksOf(target, [value]);
    let open = this.#writers.get(writer);
    if (!this.#isFree(locks, open)) return;
    if (open === undefined) {
      open = { client: await this.#scratch.pool.connect(), locks: new Set(), past: false };
      await open.client.query("begin");
      this.#writers.set(writer, open);
    }
    for (const lock of locks) open.locks.add(lock);
    const { client } = open;
    try {
      await this.#bootstrap.append(`s${target}`, amounts(value), { client });
    } catch (error) {
      if ((error as { code?: string }).code !== "APPEND_OUT_OF_ORDER") throw error;
      this.#seen.refused++;
      await this.#close(writer, false);
    }
  }

  async #close(writer: number, commit: boolean): Promise<void> {
    const open = this.#writers.get(writer);
    if (open === undefined) return;
    this.#writers.delete(writer);
    await open.client.query(commit ? "commit" : "rollback");
    open.client.release();
    if (commit && open.past) this.#seen.overtaken++;
    for (const other of this.#writers.values()) other.past ||= commit;
    if (this.#writers.size === 0) await this.#rebuilt();
  }

  /** A swap of inline rows waits for open appends, and everything else goes on meanwhile. */
  async #rebuild({ name, mode }: Projection): Promise<void> {
    if (this.#rebuilding !== undefined) return;
    if (this.#writers.size > 0) this.#seen.rebuilt++;
    this.#rebuilding = this.#bootstrap.rebuild(name);
    if (mode === "async" || this.#writers.size === 0) await this.#rebuilt();
  }

  async #rebuilt(): Promise<void> {
    const rebuilding = this.#rebuilding;
    this.#rebuilding = undefined;
    await rebuilding;
  }

  /** A crash in the middle of catching up: some pages are written, the next one is not. */
  async #breakOff(projection: Projection): Promise<void> {
    if (projection.mode === "inline") return;
    let left = 1;
    const { definition } = projection;
    const breaking: Projection = {
      ...projection,
      definition: {
        ...definition,
        apply: (state, event, context) => {
          if (event.version % 3 === 0 && left-- <= 0) throw new Broken("crash");
          return definition.apply(state, event, context);
        },
      },
    };
    const aborted = new AbortController();
    const bootstrap = this.#make([breaking]);
    await bootstrap.rebuild(projection.name, { signal: aborted.signal }).catch((error: unknown) => {
      if ((error as { code?: string }).code !== "POISON_EVENT") throw error;
    });
  }

  async #boot(): Promise<void> {
    await this.#following?.close();
    const booted = await this.#bootstrap.boot();
    this.#model = booted.model;
    await this.#compare(booted.model);
    this.#following = this.#bootstrap.follow(booted, { pollMs: 60_000 });
  }

  async #compare(model: Model): Promise<void> {
    // Nothing else runs, so what is visible now was visible to the model; without inline rows it ends at its position.
    const upTo = model.snapshot === undefined ? model.position : undefined;
    for (const projection of this.#projections) {
      if (upTo === undefined) await this.#following?.poll();
      expect(sorted(model.entries(projection))).toEqual(
        sorted(await fullFold(this.#scratch.pool, projection, upTo)),
      );
    }
  }

  async end(): Promise<void> {
    for (const writer of this.#writers.keys()) await this.#close(writer, true);
    await this.#boot();
    await this.#bootstrap.catchUp();
    for (const { name } of this.#projections) {
      expect(await this.#bootstrap.verify(name)).toMatchObject({ equal: true, first: undefined });
    }
    const again = await this.#bootstrap.boot();
    expect(again.report.reads.tail.rows).toBe(0);
    await this.#compare(again.model);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const writer of this.#writers.keys()) await this.#close(writer, false);
    await this.#following?.close();
  }
}
