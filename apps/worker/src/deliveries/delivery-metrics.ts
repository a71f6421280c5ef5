import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type pg from "pg";
import { shareQuery } from "../database/share-query.ts";
import { countFromZero } from "../metrics/metrics.ts";

export function deliveryMetrics(registry: Registry, db: pg.Pool) {
  const registers = [registry];
  const pending = shareQuery(async () => await countPending(db));
  new Gauge({
    name: "headstart_worker_deliveries_pending",
    help: "Deliveries that wait to be applied, in the whole installation.",
    registers,
    async collect() {
      this.set((await pending()) ?? Number.NaN);
    },
  });
  const settled = new Counter({
    name: "headstart_worker_deliveries_total",
    help: "Deliveries that came to an end here, by outcome: applied, unknown-repository; and tries that failed.",
    labelNames: ["outcome"],
    registers,
  });
  countFromZero(settled, "outcome", ["applied", "unknown-repository", "failed-try"]);
  return {
    settled,
    waited: new Histogram({
      name: "headstart_worker_delivery_wait_seconds",
      help: "From the receipt of a delivery to its hint.",
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300],
      registers,
    }),
  };
}

/** @returns undefined when the database does not say */
async function countPending(db: pg.Pool): Promise<number | undefined> {
  const { rows } = await db
    .query<{ pending: number }>(
      "select count(*)::int as pending from headstart_worker.deliveries where outcome = 'pending'",
    )
    .catch(() => ({ rows: [] }));
  return rows[0]?.pending;
}
