import { describe, expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { amounts, totals } from "../support/projections.ts";
import { type Scratch, scratchDatabase } from "../support/scratch-database.ts";

/** A retired version with the code that made it, which lists it before the version is dropped with its rows. */
async function withFormer(scratch: Scratch) {
  const [before, now] = [totals({ identity: "before" }), totals({ identity: "now" })];
  const pool = scratch.anotherPool();
  const policy = { staleCode: "refuse", torn: "refuse" } as const;
  const old = createBootstrap({ pool, projections: [before], policy });
  await old.append("a", amounts(1));
  await old.boot();
  await createBootstrap({ pool: scratch.pool, projections: [now] }).boot();
  const [, former] = (await old.status()).projections[0]!.versions;
  const id = former!.id;
  const drop = `drop table headstart_projections.rows_${id}; delete from headstart_projections.version where id = ${id}`;
  const looks = {
    status: async () => (await old.status()).projections[0]?.state,
    boot: async () => {
      const refused = (await old.boot().catch((error: unknown) => error)) as Error;
      return / is (\S+):/.exec(refused.message)?.[1];
    },
    verify: async () => {
      const refused = (await old.verify("totals").catch((error: unknown) => error)) as Error;
      return /there are no rows/.exec(refused.message)?.[0];
    },
  };
  return { pool, id, drop, looks };
}

describe.each([
  ["status", "stale-code"],
  ["boot", "stale-code"],
  ["verify", "there are no rows"],
] as const)("a %s that finds a version just as it is dropped", (look, expected) => {
  it("before it looks at its table finds what is there then", async () => {
    await using scratch = await scratchDatabase();
    const { drop, looks } = await withFormer(scratch);
    const dropping = await scratch.pool.connect();
    await dropping.query(`begin; ${drop}`);
    const found = looks[look]();
    await expect
      .poll(() => scratch.rows("select from pg_locks where mode = 'AccessShareLock' and not granted"))
      .toHaveLength(1);
    await dropping.query("commit");
    dropping.release();
    expect(await found).toBe(expected);
  });

  it("before it reads its table finds what is there then", async () => {
    await using scratch = await scratchDatabase();
    const { pool, id, drop, looks } = await withFormer(scratch);
    let dropped = false;
    const client = await pool.connect();
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    const watched = async (...args: unknown[]): Promise<unknown> => {
      const [text] = args;
      if (!dropped && typeof text === "string" && text.includes(`rows_${id}`)) {
        dropped = true;
        await scratch.rows(drop);
      }
      return await query(...args);
    };
    Object.assign(client, { query: watched });
    client.release();
    expect(await looks[look]()).toBe(expected);
    expect(dropped).toBe(true);
  });
});
