import type { ClientBase } from "pg";
import { slimDelivery, type JsonObject } from "../corpus/slim-delivery.ts";

export interface IncomingDelivery {
  /** GitHub's `X-GitHub-Event`. */
  readonly event: string;
  readonly occurredAt: Date;
  readonly body: JsonObject;
}

/**
 * Adds a webhook to the log, and brings the derived tables up to it. Whoever sent it becomes known by that.
 *
 * @throws when it is about a repository that canvases does not know; nothing is recorded then
 */
export async function recordDelivery(
  client: ClientBase,
  { event, occurredAt, body }: IncomingDelivery,
): Promise<void> {
  await client.query("begin");
  try {
    await client.query(
      `insert into actor (id, login)
       select (sender ->> 'id')::integer, sender ->> 'login'
         from (select $1::jsonb -> 'sender' as sender) delivery
        where sender is not null
       on conflict do nothing`,
      [JSON.stringify(body)],
    );
    await client.query("insert into inbox (event, occurred_at, body) values ($1, $2, $3)", [
      event,
      occurredAt,
      JSON.stringify(slimDelivery(body)),
    ]);
    await client.query("select append_inbox()");
    await client.query("select catch_up()");
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}
