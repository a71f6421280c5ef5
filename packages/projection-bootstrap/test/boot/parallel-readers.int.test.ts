import { expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { amounts, totals } from "../support/projections.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

it("a large table is read by several connections, all on one snapshot, while its rows are changed", async () => {
  await using scratch = await scratchDatabase();
  const pool = scratch.anotherPool();
  const sums = totals();
  const bootstrap = createBootstrap({ pool, projections: [sums], readers: 3 });
  await bootstrap.boot();
  const [version] = await scratch.rows<{ id: string }>("select id from headstart_projections.version");
  const table = `headstart_projections.rows_${version?.id}`;
  // Two rows fill a block: the padding is white space, which JSON allows and decoding drops.
  await scratch.rows(
    `insert into ${table} (key, state, era, xid, number)
     select 's' || n, ('{"count":1,"sum":' || n || '}' || repeat(' ', 1900))::json, 0, '0', 0
       from generate_series(1, 34000) as n`,
  );
  await scratch.rows(`update headstart_projections.version set row_count = 34000`);
  const [size] = await scratch.rows<{ blocks: number }>(
    `select (pg_relation_size($1) / 8192)::integer as blocks`,
    [table],
  );
  expect(size?.blocks).toBeGreaterThan(16 * 1024);

  const writer = createBootstrap({ pool: scratch.pool, projections: [sums] });
  let changed: Promise<unknown> | undefined;
  let most = 0;
  const { model, report } = await bootstrap.boot({
    onProgress: ({ phase }) => {
      if (phase === "load") most = Math.max(most, pool.totalCount - pool.idleCount);
      changed ??= writer.append("s1", amounts(1_000_000)).then(() => writer.catchUp());
    },
  });
  await changed;
  expect(most).toBe(3);
  expect(report.projections[0]).toMatchObject({ rows: 34_000, mode: "snapshot" });
  expect(model.get(sums, "s1")).toEqual({ count: 1, sum: 1 });
  expect(model.query(sums).reduce((sum, row) => sum + row.sum, 0)).toBe((34_000 * 34_001) / 2);
  expect((await bootstrap.boot()).model.get(sums, "s1")).toEqual({ count: 2, sum: 1_000_001 });
});
