import { expect, it } from "vitest";
import { inSharedSnapshot } from "../../src/database/shared-snapshot.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

it("does with the connections that it gets when one of several cannot be opened, and gives back every one", async () => {
  await using scratch = await scratchDatabase();
  const pool = scratch.anotherPool();
  const connect = pool.connect.bind(pool);
  let asked = 0;
  let letOthersIn = (): void => undefined;
  const refused = new Promise<void>((resolve) => (letOthersIn = resolve));
  // The second connection is refused, and only then the others are made.
  pool.connect = (async () => {
    const place = ++asked;
    if (place === 2) {
      setImmediate(letOthersIn);
      throw new Error("too many clients already");
    }
    if (place > 2) await refused;
    return await connect();
  }) as typeof pool.connect;
  expect(await inSharedSnapshot(pool, async ({ more }) => (await more(3)).length)).toBe(2);
  await expect.poll(() => pool.totalCount - pool.idleCount).toBe(0);
  const open = await scratch.rows(
    "select pid from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'",
  );
  expect(open).toEqual([]);
});
