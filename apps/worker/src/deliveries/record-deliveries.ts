import type pg from "pg";
import { DELIVERY_CHANNEL } from "../loops/channels.ts";

/** What is kept of what somebody said. */
export interface Delivery {
  readonly source: string;
  readonly delivery: string;
  readonly event: string;
  /** `pending` ones are applied; the others are only shown. */
  readonly outcome: "pending" | "ignored" | "invalid";
  readonly reason?: string;
  /** SHA-256 in hexadecimal, where equal bodies are the same delivery. */
  readonly bodyDigest?: string | undefined;
  readonly locations?: readonly string[];
  readonly repositories?: readonly string[];
  readonly refs?: readonly string[];
  readonly pushedBy?: string | undefined;
}

/** `again`: it was there and had come to nothing, so it is applied as it says now. */
export type Recorded = "recorded" | "repeated" | "again";

/**
 * Makes deliveries durable, each once, in one statement; who sends one again changes nothing, unless no repository was
 * found for it, it failed, or it was not valid and now is. Pending ones wake whoever applies them, in any process.
 *
 * @returns what became of each, in their order
 */
export async function recordDeliveries(db: pg.Pool, deliveries: readonly Delivery[]): Promise<Recorded[]> {
  // In one order everywhere, so that two processes with the same deliveries do not wait for each other in a ring.
  // Of two that are one, what can be applied comes first, and is what is kept.
  const given = deliveries.toSorted(
    (a, b) =>
      compare(a.source, b.source) ||
      compare(a.delivery, b.delivery) ||
      Number(b.outcome === "pending") - Number(a.outcome === "pending"),
  );
  const { rows } = await db.query<{ source: string; delivery: string; result: Recorded }>(
    `with given as (
       select g.source, g.delivery, decode(g."bodyDigest", 'hex') as body_digest, g.event, g.outcome, g.reason,
              array(select jsonb_array_elements_text(g.locations)) as locations,
              array(select jsonb_array_elements_text(g.repositories)) as repositories,
              array(select jsonb_array_elements_text(g.refs)) as refs, g."pushedBy" as pushed_by
       from jsonb_to_recordset($1::jsonb) as g(source text, delivery text, "bodyDigest" text, event text, outcome text,
         reason text, locations jsonb, repositories jsonb, refs jsonb, "pushedBy" text)
     ), recorded as (
       insert into headstart_worker.deliveries (source, delivery, body_digest, event, outcome, reason, locations,
         repositories, refs, pushed_by, settled_at)
       select source, delivery, body_digest, event, outcome, reason, locations, repositories, refs, pushed_by,
         case when outcome <> 'pending' then now() end
       from given on conflict do nothing
       returning source, delivery, outcome
     ), again as (
       update headstart_worker.deliveries d
       set outcome = 'pending', reason = null, error_message = null, attempts = 0, due_at = now(), settled_at = null,
           event = g.event, locations = g.locations, repositories = g.repositories, refs = g.refs,
           pushed_by = g.pushed_by
       from given g
       where d.source = g.source and (d.delivery = g.delivery or d.body_digest = g.body_digest)
         and d.outcome in ('unknown-repository', 'failed', 'invalid') and g.outcome = 'pending'
       returning g.source, g.delivery, 'pending' as outcome
     ), changed as (
       select source, delivery, outcome, 'recorded' as result from recorded
       union all select source, delivery, outcome, 'again' from again
     )
     select source, delivery, result, case when outcome = 'pending' then pg_notify($2, '')::text end from changed`,
    [JSON.stringify(given, storable), DELIVERY_CHANNEL],
  );
  const name = ({ source, delivery }: Pick<Delivery, "source" | "delivery">): string =>
    `${source} ${delivery}`;
  const results = new Map(rows.map((row) => [name(row), row.result]));
  const kept = new Map(given.toReversed().map((each) => [name(each), each]));
  return deliveries.map((each) => (kept.get(name(each)) === each && results.get(name(each))) || "repeated");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Postgres text holds no NUL, and a lone surrogate has no UTF-8 form. */
function storable(_: string, value: unknown): unknown {
  return typeof value === "string" ? value.replaceAll(/\0|\p{Surrogate}/gu, "\uFFFD") : value;
}
