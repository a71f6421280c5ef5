import { expect, test } from "vitest";
import { forgetDeliveries } from "../../src/database/forget-deliveries.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

test("old deliveries go, in several steps when there are many; young ones and those not yet applied stay", async () => {
  await using database = await scratchDatabase();
  const { db } = database;
  await db.query(
    `insert into headstart_worker.deliveries (source, delivery, event, outcome, received_at)
     select 'hub', n::text, 'push', case when n % 6000 = 0 then 'pending' else 'applied' end,
            now() - case when n <= 12000 then interval '40 days' else interval '1 day' end
     from generate_series(1, 13000) n`,
  );
  const signal = new AbortController().signal;
  const removed = await forgetDeliveries(db, { afterMs: 30 * 86_400_000, signal });
  expect(removed).toBe(11_998);
  const { rows } = await db.query<{ outcome: string; left: number }>(
    "select outcome, count(*)::int as left from headstart_worker.deliveries group by 1 order by 1",
  );
  expect(rows).toEqual([
    { outcome: "applied", left: 1_000 },
    { outcome: "pending", left: 2 },
  ]);
});
