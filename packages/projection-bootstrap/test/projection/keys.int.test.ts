import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import type { StoredEvent } from "../../src/log/event-log.ts";
import { fullFold, sorted } from "../support/full-fold.ts";
import { amounts, totals } from "../support/projections.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

/** Cut in the middle of a character, as a text is that was shortened by its length. */
const half = "hi 😀".slice(0, 4);
const tooLong = Array.from({ length: 2601 }, (_, index) =>
  String.fromCharCode(33 + ((index * 7919) % 90)),
).join("");

const textKey = ({ data }: StoredEvent<{ amount: number; text?: string }>) => data.text;
const named = (text: string) => [{ type: "added", data: { amount: 1, text } }];

describe("a key", () => {
  it.each([
    ["half a surrogate pair", half],
    ["NUL", "a\0b"],
    ["more bytes than an index has room for", tooLong],
    ["nothing in it", ""],
  ])("with %s stops its projection instead of losing the event", async (_what, text) => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals({ key: textKey })] });
    await bootstrap.boot();
    await bootstrap.append("s", named("good"));
    await bootstrap.append("s", named(text));
    const { projections } = await bootstrap.catchUp();
    expect(projections).toMatchObject([
      {
        outcome: "stopped",
        error: { code: "POISON_EVENT", message: expect.stringContaining("a key is a text") as string },
      },
    ]);
    expect(await scratch.rows("select key from headstart_projections.totals")).toEqual([{ key: "good" }]);
  });

  it("that is only read is held to the same", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals({ mode: "inline", reads: () => [half] });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.boot();
    await expect(bootstrap.append("s", amounts(1))).rejects.toMatchObject({ code: "INLINE_FAILED" });
  });

  it("is stored and found as it is, whatever it is otherwise", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals({ key: textKey });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.boot();
    const text = fc
      .string({ unit: "binary", minLength: 1, maxLength: 900 })
      .filter((each) => !each.includes("\0") && Buffer.byteLength(each) <= 2600);
    const longest = ["x".repeat(2600), tooLong.slice(1), "😀".repeat(650), "€".repeat(866)];
    for (const each of [...longest, ...fc.sample(text, 100)]) {
      await bootstrap.append("s", [...named(each), ...named(each)]);
      await bootstrap.catchUp();
    }
    const { model } = await bootstrap.boot();
    expect(sorted(model.entries(sums))).toEqual(sorted(await fullFold(scratch.pool, sums)));
    expect(await bootstrap.verify("totals")).toMatchObject({ equal: true });
  });
});

describe("an append", () => {
  it.each([
    ["half a surrogate pair", half],
    ["NUL", "a\0b"],
    ["more bytes than an index has room for", tooLong],
    ["nothing in it", ""],
  ])("refuses a stream whose name has %s", async (_what, stream) => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals({ mode: "inline" })] });
    await bootstrap.boot();
    await expect(bootstrap.append(stream, amounts(1))).rejects.toMatchObject({ code: "EVENT_INVALID" });
    expect(await scratch.rows("select from headstart_projections.event")).toHaveLength(0);
  });

  it("refuses a type that would come back as another one", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [] });
    await expect(bootstrap.append("a", [{ type: half, data: {} }])).rejects.toMatchObject({
      code: "EVENT_INVALID",
    });
  });

  it("takes a stream of the longest name that a row may be called by, and keeps its row", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals({ mode: "inline" });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.boot();
    await bootstrap.append(tooLong.slice(1), amounts(1));
    await bootstrap.append(tooLong.slice(1), amounts(2));
    expect((await bootstrap.boot()).model.get(sums, tooLong.slice(1))).toEqual({ count: 2, sum: 3 });
  });
});
