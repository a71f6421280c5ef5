import { describe, expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { fullFold, sorted } from "../support/full-fold.ts";
import { amounts, story } from "../support/projections.ts";
import { type Scratch, scratchDatabase } from "../support/scratch-database.ts";

/** Rows by stream; an amount of 0 copies what the row of stream `read` says then. */
function copies() {
  return story({
    mode: "inline",
    key: ({ stream }) => stream,
    reads: ({ data }) => (data.amount === 0 ? ["read"] : []),
    apply: ({ text }, { data }, { get }) => ({
      text: `${text}${data.amount === 0 ? `[${get("read")?.text}]` : data.amount} `,
    }),
  });
}

/** A transaction that has its number. */
async function openTransaction({ pool }: Scratch) {
  const client = await pool.connect();
  await client.query("begin");
  await client.query("select pg_current_xact_id()");
  return {
    client,
    [Symbol.asyncDispose]: async () => {
      await client.query("rollback");
      client.release();
    },
  };
}

describe("inline rows that look at others", () => {
  it.each([
    ["read a row that changed since it began to write", [["first", 1]], ["read", 2], ["copy", 0]],
    ["change a row that was read since it began to write", [], ["copy", 0], ["read", 2]],
  ] as const)("refuse a transaction that would %s", async (_what, before, other, last) => {
    await using scratch = await scratchDatabase();
    await using transaction = await openTransaction(scratch);
    const { client } = transaction;
    const stories = copies();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [stories] });
    await bootstrap.boot();
    for (const [stream, amount] of before) await bootstrap.append(stream, amounts(amount), { client });
    await bootstrap.append(other[0], amounts(other[1]));
    await expect(bootstrap.append(last[0], amounts(last[1]), { client })).rejects.toMatchObject({
      code: "APPEND_OUT_OF_ORDER",
    });
    await client.query("rollback");
    for (const [stream, amount] of [...before, last]) await bootstrap.append(stream, amounts(amount));
    expect(sorted((await bootstrap.boot()).model.entries(stories))).toEqual(
      sorted(await fullFold(scratch.pool, stories)),
    );
    expect(await bootstrap.verify("story")).toMatchObject({ equal: true });
  });

  it("take appends one after the other in one transaction, and many at once in transactions of their own", async () => {
    await using scratch = await scratchDatabase();
    await using transaction = await openTransaction(scratch);
    const { client } = transaction;
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [copies()] });
    await bootstrap.boot();
    for (const stream of ["read", "copy"]) {
      for (const amount of [1, 0, 2, 0]) await bootstrap.append(stream, amounts(amount), { client });
    }
    await client.query("commit");
    const streams = ["read", "a", "b", "c"];
    const many = Array.from({ length: 40 }, (_, index) =>
      bootstrap.append(streams[index % 4] as string, amounts(index % 3)),
    );
    await Promise.all(many);
    expect(await bootstrap.verify("story")).toMatchObject({ equal: true, rows: 5 });
  });

  it("let transactions that touch none of them join as ever", async () => {
    await using scratch = await scratchDatabase();
    await using transaction = await openTransaction(scratch);
    const stories = copies();
    const { definition } = stories;
    const some = { ...stories, definition: { ...definition, types: ["added"] } };
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [some] });
    await bootstrap.boot();
    await bootstrap.append("read", amounts(1));
    const { version } = await bootstrap.append("other", [{ type: "noted", data: {} }], {
      client: transaction.client,
    });
    expect(version).toBe(1);
  });
});
