import { describe, expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { adoptLog } from "../../src/log/adopt-log.ts";
import { type EventLog, readPages } from "../../src/log/event-log.ts";
import { postgresLog } from "../../src/log/postgres-log.ts";
import { beginning } from "../../src/position.ts";
import { scratchDatabase, type Scratch } from "../support/scratch-database.ts";

const events = 300;
const size = 100_000;
/** Blocks that the data of one event takes. */
const blocks = size / 8192;
const limitBytes = 2.5 * size;

/** JSON text in which nothing repeats. */
const text = `(select string_agg(md5(random()::text || n || part), '') from generate_series(1, ${size / 32}) as part)`;

async function ownEvents({ pool }: Scratch): Promise<EventLog> {
  await createBootstrap({ pool, projections: [] }).migrate();
  await pool.query("alter table headstart_projections.event alter column data set storage external");
  await pool.query(
    `insert into headstart_projections.event (era, stream, version, type, data)
     select 1, 's', n, 'added', json_build_object('text', ${text}) from generate_series(1, ${events}) as n`,
  );
  return postgresLog();
}

async function adoptedEvents({ pool }: Scratch): Promise<EventLog> {
  await pool.query(
    `create table shop (position bigint primary key, stream text not null, type text not null,
       data jsonb not null, recorded_at timestamptz not null default now())`,
  );
  await pool.query("alter table shop alter column data set storage external");
  await pool.query(
    `insert into shop (position, stream, type, data)
     select n, 's', 'added', jsonb_build_object('text', ${text}) from generate_series(1, ${events}) as n`,
  );
  return adoptLog({ table: "shop", columns: { version: null } });
}

/** Blocks that the server looked at for the first page of a log. */
async function blocksOfFirstPage({ pool }: Scratch, log: EventLog): Promise<number> {
  const client = await pool.connect();
  try {
    const { head } = await log.horizon(client, undefined);
    const query = client.query.bind(client) as (given: object) => Promise<{ rows: unknown[][] }>;
    let found = 0;
    client.query = (async (given: { text: string }) => {
      const { rows } = await query({
        ...given,
        text: `explain (analyze, buffers, format json) ${given.text}`,
      });
      const [[[{ Plan: plan }]]] = rows as [[[{ Plan: Record<string, number> }]]];
      found += (plan["Shared Hit Blocks"] ?? 0) + (plan["Shared Read Blocks"] ?? 0);
      return { rows: [] };
    }) as unknown as typeof client.query;
    await log.read(client, { after: beginning, upTo: head, limitRows: 5000, limitBytes });
    return found;
  } finally {
    client.release(true);
  }
}

describe("a page", () => {
  it.each([
    ["our own log", ownEvents],
    ["an adopted log", adoptedEvents],
  ])("of %s costs the server its own data, and none of what comes after it", async (_name, make) => {
    await using scratch = await scratchDatabase();
    const log = await make(scratch);
    const looked = await blocksOfFirstPage(scratch, log);
    // Two events, fetched at most twice each, their index entries, and the rows of all that follow without their data.
    expect(looked).toBeGreaterThan(2 * blocks);
    expect(looked).toBeLessThan(8 * blocks);
  });

  it.each([
    ["jsonb", "compressed", "main"],
    ["json", "compressed", "extended"],
    ["text", "as it is", "external"],
  ])("of an adopted log ends at the bytes of its text: %s, %s", async (type, _how, storage) => {
    await using scratch = await scratchDatabase();
    await scratch.pool.query(
      `create table shop (position bigint primary key, stream text not null, type text not null,
         data ${type} not null, recorded_at timestamptz not null default now())`,
    );
    await scratch.pool.query(`alter table shop alter column data set storage ${storage}`);
    await scratch.pool.query(
      `insert into shop (position, stream, type, data)
       select n, 's', 'added', json_build_object('text', repeat('x', case when n = 7 then 5000 else 300 end))::${type}
         from generate_series(1, 12) as n`,
    );
    const log = adoptLog({ table: "shop", columns: { version: null } });
    const client = await scratch.pool.connect();
    const { head } = await log.horizon(client, undefined);
    const seen: number[] = [];
    for await (const page of readPages(log, client, {
      after: beginning,
      upTo: head,
      limitRows: 5,
      limitBytes: 1000,
    })) {
      expect(page.bytes).toBe(page.events.reduce((sum, { json }) => sum + (json ?? "").length, 0));
      if (page.events.length > 1) expect(page.bytes).toBeLessThanOrEqual(1000);
      seen.push(...page.events.map(({ position }) => Number(position.number)));
    }
    client.release();
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });
});
