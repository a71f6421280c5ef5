import type pg from "pg";
import type { DeliveryRow } from "./status-schema.ts";

/** Deliveries that the page shows: the latest. */
const SHOWN = 50;

/** Waiting ones are counted up to here. */
const COUNTED = 10_000;

/** Names of one delivery that are shown. */
const NAMED = 5;

export interface Deliveries {
  readonly latest: readonly DeliveryRow[];
  readonly pending: number;
}

interface DeliveryFacts {
  readonly id: string;
  readonly source: string;
  readonly event: string;
  readonly receivedAt: Date;
  readonly outcome: string;
  readonly reason: string | null;
  readonly locations: readonly string[];
  readonly repositories: readonly string[];
  readonly refs: readonly string[];
  readonly pushedBy: string | null;
  readonly error: string | null;
}

export async function readDeliveries(db: pg.Pool): Promise<Deliveries> {
  const latest = await db.query<DeliveryFacts>(
    `select id::text, source, event, received_at as "receivedAt", outcome, left(reason, 300) as reason,
            locations[1:${NAMED}] as locations, repositories[1:${NAMED}] as repositories, refs[1:${NAMED}] as refs,
            pushed_by as "pushedBy", left(error_message, 300) as error
     from headstart_worker.deliveries order by id desc limit ${SHOWN}`,
  );
  const pending = await db.query<{ count: number }>(
    `select count(*)::int as count
     from (select from headstart_worker.deliveries where outcome = 'pending' limit ${COUNTED}) n`,
  );
  return { latest: latest.rows.map(deliveryRowOf), pending: pending.rows[0]?.count ?? 0 };
}

function deliveryRowOf(facts: DeliveryFacts): DeliveryRow {
  const { id, source, event, receivedAt, outcome, pushedBy } = facts;
  return {
    id,
    source,
    event,
    receivedAt: receivedAt.toISOString(),
    outcome,
    reason: facts.reason ?? facts.error,
    about: [...(facts.repositories.length > 0 ? facts.repositories : facts.locations)],
    branches: facts.refs.map((ref) => ref.replace(/^refs\/heads\//, "")),
    pushedBy,
  };
}
