import type pg from "pg";
import { expect, test } from "vitest";
import { markdown, openStatusServer } from "../support/status-server.ts";
import { until } from "../support/until.ts";

/** From now on the database takes no row of any read model. */
async function refuseRows(db: pg.Pool): Promise<number> {
  await db.query(
    `create function headstart_projections.refuse() returns trigger language plpgsql as
       $$ begin raise exception 'no row is taken'; end $$`,
  );
  const { rows } = await db.query<{ table: string }>(
    `select format('headstart_projections.%I', relname) as table from pg_class
     where relnamespace = 'headstart_projections'::regnamespace and relkind = 'r' and relname ~ '^rows_\\d+$'`,
  );
  for (const { table } of rows) {
    await db.query(
      `create trigger refuse before insert or update or delete on ${table}
       for each row execute function headstart_projections.refuse()`,
    );
  }
  return rows.length;
}

test("stored rows that cannot go on are a loop that fails, and the log says why", async () => {
  await using server = await openStatusServer();
  const upstream = await server.repository("handbook");
  await upstream.commit("main", { "pages/a.md": markdown("A") });
  await server.settle("handbook");
  await server.statusWhen("the branch", ({ totals }) => totals.states.ready === 1);
  expect(await refuseRows(server.db)).toBeGreaterThan(0);
  await upstream.commit("main", { "pages/a.md": markdown("B") });
  await server.settle("handbook");
  // It brings the rows closer to the log as it begins.
  const { loops, logged } = server.another();
  const rows = () => loops.report().find(({ loop }) => loop === "status-rows");
  await until(() => rows()?.healthy === false, { what: "the failure", details: () => loops.report() });
  expect(rows()?.lastError).toMatch(/^The stored rows of [\w-]+ cannot go on: .*no row is taken/);
  const line = logged.find((text) => text.includes('"loop.failed"') && text.includes('"status-rows"'));
  expect(line).toContain("no row is taken");
});
