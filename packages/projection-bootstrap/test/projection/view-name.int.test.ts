import { expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { viewName } from "../../src/projection/view-name.ts";
import { amounts, totals } from "../support/projections.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

it("a projection may be called like anything that the schema holds", async () => {
  await using scratch = await scratchDatabase();
  const first = createBootstrap({ pool: scratch.pool, projections: [totals()] });
  await first.append("a", amounts(2, 3));
  await first.boot();
  const relations = await scratch.rows<{ name: string }>(
    `select relname as name from pg_class
      where relnamespace = 'headstart_projections'::regnamespace and relkind <> 'v' and relname ~ '^[a-z]'
      order by relname`,
  );
  const names = relations.map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining(["event", "stream", "rows_1", "rows_1_pkey", "version_active"]),
  );
  const projections = names.map((name) => totals({ name, identity: `${name} 1` }));
  const bootstrap = createBootstrap({ pool: scratch.pool, projections });
  const { model } = await bootstrap.boot();
  for (const projection of projections) {
    const { name } = projection;
    expect(model.get(projection, "a"), name).toEqual({ count: 2, sum: 5 });
    const rows = await scratch.rows(`select key, state from headstart_projections."_${name}"`);
    expect(rows, name).toEqual([{ key: "a", state: { count: 2, sum: 5 } }]);
  }
  await bootstrap.rebuild("event");
  await bootstrap.retire("event");
  const views = await scratch.rows<{ name: string }>(
    "select viewname as name from pg_views where schemaname = 'headstart_projections' order by 1",
  );
  expect(views.map(({ name }) => name).sort()).toEqual(
    ["totals", ...names.filter((name) => name !== "event").map((name) => `_${name}`)].sort(),
  );
});

it("a projection called like no relation has a view of its own name", () => {
  expect(["events", "event_counts", "versions", "rows", "rows_x", "streams-of-day"].map(viewName)).toEqual([
    "events",
    "event_counts",
    "versions",
    "rows",
    "rows_x",
    "streams-of-day",
  ]);
});
