import type { Queryable } from "../database/in-transaction.ts";
import type { VersionUpdated } from "../requests/messages.ts";

/** Wakes consumers; the payload is constant, and polling finds whatever a lost notification announced. */
export const EVENT_CHANNEL = "headstart_materializer_events";

/**
 * Wakes those who wait for events, once what was appended is committed. Not in its transaction: commits that notify wait
 * for each other, in all of the database. A wake-up that is lost costs a consumer the time until its next look.
 */
export async function wakeConsumers(db: Queryable): Promise<void> {
  await db.query("select pg_notify($1, '')", [EVENT_CHANNEL]).catch(() => undefined);
}

/** What an event says beyond what the branch row knows. */
export type EventFacts = Pick<VersionUpdated, "event"> &
  Partial<
    Pick<VersionUpdated, "version" | "oid" | "previousOid" | "seq" | "changedPaths" | "code" | "reason">
  >;

/**
 * Appends to a branch's event log, in the transaction that made it true. The update takes the branch's row lock, so
 * positions are given in commit order and a rolled-back one is given again: the log has no gap. Under the same lock
 * the branch is put into each consumer's queue, from which a consumer takes it under that lock as well. A consumer that
 * is being removed meanwhile is waited for, and left out once it is gone.
 */
export async function appendEvent(db: Queryable, branchId: string, facts: EventFacts): Promise<void> {
  const { event, ...rest } = facts;
  await db.query(
    `with moved as (
       update headstart_materializer.branches set event_position = event_position + 1 where id = $1
       returning id, repository_id, ref, class, incarnation, event_position
     ), queued as (
       insert into headstart_materializer.consumer_queue (consumer, branch_id)
       select c.name, m.id from moved m cross join headstart_materializer.consumers c
       for key share of c on conflict do nothing
     )
     insert into headstart_materializer.events (branch_id, position, type, message)
     select $1, m.event_position, $2, jsonb_build_object(
       'type', 'version-updated', 'event', $2::text, 'repository', r.name, 'branch', m.ref, 'class', m.class,
       'incarnation', m.incarnation, 'position', m.event_position,
       'at', to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) || $3::jsonb
     from moved m join headstart_materializer.repositories r on r.id = m.repository_id`,
    [branchId, event, JSON.stringify(rest)],
  );
}
