import { databaseRequests, requestMaterialization } from "@headstart/materializer";
import type pg from "pg";
import { inTransaction } from "../database/in-transaction.ts";
import { isAboutData } from "./is-about-data.ts";
import { planHints, type Pending, type Settled } from "./plan-hints.ts";
import { recordFailure } from "./record-failure.ts";
import { repositoryMatcher, type RegisteredRepository } from "./match-repositories.ts";

/** What a turn did. */
export interface Applied {
  readonly settled: readonly Settled[];
  /** Deliveries that failed, and are tried again later or given up. */
  readonly failed: number;
}

/**
 * Applies the deliveries that are due: hints and outcomes are one transaction, so each is applied once whoever is
 * killed when. Any number of processes may do it. Many deliveries about one branch become one hint.
 *
 * When a hint is refused, half as many are tried, until the one that cannot be applied stands alone.
 *
 * @throws what keeps any delivery from being applied: no database
 */
export async function applyDeliveries(db: pg.Pool, limit: number): Promise<Applied> {
  let taken: readonly Pending[] = [];
  try {
    const settled = await inTransaction(db, async (client) => {
      taken = await takeDue(client, limit);
      return taken.length === 0 ? [] : await applyAll(client, taken);
    });
    return { settled, failed: 0 };
  } catch (error) {
    const [first] = taken;
    if (first === undefined || !isAboutData(error)) throw error;
    if (taken.length > 1) return await applyDeliveries(db, Math.floor(taken.length / 2));
    await recordFailure(db, first, error);
    return { settled: [], failed: 1 };
  }
}

async function takeDue(client: pg.ClientBase, limit: number): Promise<Pending[]> {
  const { rows } = await client.query<Pending>(
    `select id::text, locations, repositories, refs, pushed_by as "pushedBy", attempts,
            extract(epoch from clock_timestamp() - received_at)::float8 as "waitedSeconds"
     from headstart_worker.deliveries where outcome = 'pending' and due_at <= now()
     order by due_at, id limit $1 for update skip locked`,
    [limit],
  );
  return rows;
}

async function applyAll(client: pg.ClientBase, pending: readonly Pending[]): Promise<Settled[]> {
  const { rows } = await client.query<RegisteredRepository>(
    "select name, url from headstart_materializer.repositories",
  );
  const { hints, settled } = planHints(pending, {
    names: new Set(rows.map(({ name }) => name)),
    match: repositoryMatcher(rows),
  });
  const messages = hints.map((hint) => ({ type: "repository-branch-updated", ...hint }));
  if (messages.length > 0) await requestMaterialization(databaseRequests(client), ...messages);
  await client.query(
    `update headstart_worker.deliveries d
     set outcome = s.outcome, reason = s.reason, error_message = null, settled_at = clock_timestamp(),
         repositories = array(select jsonb_array_elements_text(s.repositories))
     from jsonb_to_recordset($1::jsonb) as s(id bigint, outcome text, reason text, repositories jsonb)
     where d.id = s.id`,
    [JSON.stringify(settled)],
  );
  return settled;
}
