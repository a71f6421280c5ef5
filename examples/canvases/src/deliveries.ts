import type { Facts } from "../corpus/activity.ts";
import { deliver } from "../corpus/deliver.ts";
import { readCorpus, type Corpus } from "../corpus/read-corpus.ts";
import type { JsonObject } from "../corpus/slim-delivery.ts";
import type { Database } from "./database.ts";

export type StoredDelivery =
  | { readonly status: "stored"; readonly body: JsonObject }
  /** It was left out of the snapshot that this database comes from, and was made again. */
  | { readonly status: "remade"; readonly body: JsonObject }
  | { readonly status: "absent" };

/** The webhook that an event was read from. */
export async function readDelivery(db: Database, position: number): Promise<StoredDelivery> {
  const { rows } = await db.query<TellingRow>(`${telling} where event.position = $1`, [position]);
  const row = rows[0];
  if (!row) return { status: "absent" };
  if (row.delivery) return { status: "stored", body: row.delivery };
  return { status: "remade", body: remake(row) };
}

export type FoundDeliveries =
  | { readonly status: "found"; readonly positions: readonly number[] }
  /** An answer would be incomplete: so many bodies have to be made again first. */
  | { readonly status: "missing"; readonly count: number };

/** Positions of the events whose delivery contains `pattern`, newest first. */
export async function findDeliveries(
  db: Database,
  pattern: JsonObject,
  { limit = 100 }: { readonly limit?: number | undefined } = {},
): Promise<FoundDeliveries> {
  const missing = await db.query<{ count: number }>(
    "select count(*)::integer as count from event where delivery is null",
  );
  const count = missing.rows[0]?.count ?? 0;
  if (count > 0) return { status: "missing", count };
  const { rows } = await db.query<{ position: number }>(
    "select position::float8 as position from event where delivery @> $1 order by event.position desc limit $2",
    [JSON.stringify(pattern), limit],
  );
  return { status: "found", positions: rows.map((row) => row.position) };
}

const batchSize = 2_000;

/** Makes every delivery again that a snapshot left out. Returns how many there were. */
export async function remakeDeliveries(db: Database): Promise<number> {
  let made = 0;
  for (let last = 0; ;) {
    const { rows } = await db.query<TellingRow>(
      `${telling} where event.position > $1 and event.delivery is null order by event.position limit $2`,
      [last, batchSize],
    );
    if (rows.length === 0) return made;
    const bodies = rows.map((row) => ({ position: row.position, body: remake(row) }));
    await db.query(
      `update event
          set delivery = made.body
         from jsonb_to_recordset($1) as made (position bigint, body jsonb)
        where event.position = made.position`,
      [JSON.stringify(bodies)],
    );
    made += rows.length;
    last = rows.at(-1)?.position ?? last;
  }
}

/** All that a delivery follows from. What the first event of a stream said holds for the others. */
const telling = `
  select event.position::float8 as position,
         event.type,
         event.stream,
         to_char(event.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "occurredAt",
         opening.data || event.data as facts,
         event.delivery,
         repository.id as "repositoryId", repository.full_name as "repositoryName",
         actor.id as "actorId", actor.login as "actorLogin"
    from event
    join event opening on opening.stream = event.stream and opening.version = 1
    left join repository on repository.id = event.repository_id
    left join actor on actor.id = event.actor_id`;

interface TellingRow {
  readonly position: number;
  readonly type: string;
  readonly stream: string;
  readonly occurredAt: string;
  readonly facts: Facts;
  readonly delivery: JsonObject | null;
  readonly repositoryId: number | null;
  readonly repositoryName: string | null;
  readonly actorId: number | null;
  readonly actorLogin: string | null;
}

let corpus: Corpus | undefined;

function remake(row: TellingRow): JsonObject {
  const { type, stream, occurredAt, facts, repositoryId, repositoryName, actorId, actorLogin } = row;
  const [event = type, action] = type.split(".");
  corpus ??= readCorpus();
  return deliver(corpus, {
    event,
    action,
    stream,
    occurredAt,
    facts,
    repository:
      repositoryId === null || repositoryName === null
        ? undefined
        : { id: repositoryId, fullName: repositoryName },
    actor: actorId === null || actorLogin === null ? undefined : { id: actorId, login: actorLogin },
  });
}
