import type pg from "pg";
import { backoffMs } from "../loops/backoff.ts";
import type { Pending } from "./plan-hints.ts";

/** Tries of a delivery: the last comes some two minutes after the first. Polling then finds what it would have said. */
const MOST_ATTEMPTS = 10;

/** Keeps a delivery that could not be applied, visibly, until it is due again or given up. */
export async function recordFailure(
  db: pg.Pool,
  { id, attempts }: Pick<Pending, "id" | "attempts">,
  error: unknown,
): Promise<void> {
  const tried = attempts + 1;
  const over = tried >= MOST_ATTEMPTS;
  const message = error instanceof Error ? error.message : String(error);
  await db.query(
    `update headstart_worker.deliveries
     set attempts = $2::int, error_message = $3, due_at = now() + $4 * interval '1 ms',
         outcome = case when $5 then 'failed' else outcome end, settled_at = case when $5 then now() end,
         reason = case when $5 then 'it could not be applied ' || $2::int || ' times; the last error is kept' end
     where id = $1 and outcome = 'pending'`,
    [id, tried, message.slice(0, 2_000), backoffMs(tried), over],
  );
}
