import fc from "fast-check";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bootstrap, createBootstrap } from "../../src/create-bootstrap.ts";
import type { Following } from "../../src/boot/follow.ts";
import type { Model } from "../../src/boot/model.ts";
import type { Projection } from "../../src/projection/define-projection.ts";
import { fullFold, sorted } from "../support/full-fold.ts";
import { amounts, story, totals } from "../support/projections.ts";
import { scratchDatabase, type Scratch } from "../support/scratch-database.ts";

type Command =
  | { readonly kind: "append"; readonly stream: number; readonly amount: number }
  | { readonly kind: "open"; readonly writer: number; readonly stream: number; readonly amount: number }
  | { readonly kind: "close"; readonly writer: number; readonly commit: boolean }
  | { readonly kind: "catch up"; readonly which: readonly boolean[] }
  | { readonly kind: "break off"; readonly which: number }
  | { readonly kind: "rebuild"; readonly which: number }
  | { readonly kind: "boot" }
  | { readonly kind: "poll" };

/** Of each kind; every one of them is played to its end. */
const histories = 15;

const stream = fc.nat({ max: 3 });
const amount = fc.integer({ min: -5, max: 5 });

/** Commits out of order: writers open in one order and close in another, while others append past them. */
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("append" as const), stream, amount }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("open" as const), writer: fc.nat({ max: 1 }), stream, amount }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("close" as const),
      writer: fc.nat({ max: 1 }),
      commit: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("catch up" as const),
      which: fc.array(fc.boolean(), { minLength: 2, maxLength: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("break off" as const), which: fc.nat({ max: 1 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("rebuild" as const), which: fc.nat({ max: 2 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("boot" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("poll" as const) }) },
);

describe("random histories", () => {
  let scratch: Scratch;
  beforeAll(async () => {
    scratch = await scratchDatabase();
  });
  afterAll(async () => {
    await scratch[Symbol.asyncDispose]();
  });

  it.each([
    ["plain", [totals(), story()], false],
    ["inline beside plain", [totals({ mode: "inline" }), story()], true],
    ["inline", [totals({ mode: "inline" }), story({ mode: "inline" })], true],
  ] as const)("boot to the full fold: %s", async (_name, projections, anyInline) => {
    let played = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 30 }), async (commands) => {
        await scratch.pool.query("drop schema if exists headstart_projections cascade");
        await using history = new History(scratch, projections, anyInline);
        await history.begin();
        for (const each of commands) await history.run(each);
        await history.end();
        played++;
      }),
      // No limit of time: a run that is cut short would pass for one that found nothing.
      { endOnFailure: true, numRuns: histories },
    );
    expect(played).toBe(histories);
  });
});

class Broken extends Error {}

/** Plays commands against the real thing, and compares every model with a fold of what was visible to it. */
class History implements AsyncDisposable {
  readonly #scratch: Scratch;
  readonly #projections: readonly Projection[];
  readonly #anyInline: boolean;
  readonly #bootstrap: Bootstrap;
  readonly #writers = new Map<number, { client: pg.PoolClient; stream: number }>();
  #following: Following | undefined;
  #model: Model | undefined;

  constructor(scratch: Scratch, projections: readonly Projection[], anyInline: boolean) {
    this.#scratch = scratch;
    this.#projections = projections;
    this.#anyInline = anyInline;
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
        if (this.#blocked(command.stream)) return;
        await this.#bootstrap.append(`s${command.stream}`, amounts(command.amount, command.amount + 1));
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
        // A swap of inline rows waits for open appends, which nobody would close here.
        if (this.#anyInline && this.#writers.size > 0) return;
        await this.#bootstrap.rebuild(this.#projections[command.which % 2]?.name ?? "");
        return;
      case "boot":
        await this.#boot();
        return;
      case "poll":
        await this.#following?.poll();
        if (this.#model !== undefined) await this.#compare(this.#model);
    }
  }

  /** Inline rows are locked by key, so an append to a key that an open writer holds would wait for ever. */
  #blocked(target: number): boolean {
    if (this.#projections.some(({ mode, name }) => mode === "inline" && name === "story")) {
      return this.#writers.size > 0;
    }
    return [...this.#writers.values()].some((writer) => writer.stream === target);
  }

  async #open({ writer, stream: target, amount: value }: Extract<Command, { kind: "open" }>): Promise<void> {
    if (this.#writers.has(writer) || this.#blocked(target)) return;
    const client = await this.#scratch.pool.connect();
    await client.query("begin");
    this.#writers.set(writer, { client, stream: target });
    await this.#bootstrap.append(`s${target}`, amounts(value), { client });
  }

  async #close(writer: number, commit: boolean): Promise<void> {
    const open = this.#writers.get(writer);
    if (open === undefined) return;
    this.#writers.delete(writer);
    await open.client.query(commit ? "commit" : "rollback");
    open.client.release();
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
