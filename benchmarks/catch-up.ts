import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Event } from "@event-driven-io/emmett";
import {
  getPostgreSQLEventStore,
  pongoMultiStreamProjection,
  postgreSQLEventStoreConsumer,
  rebuildPostgreSQLProjections,
} from "@event-driven-io/emmett-postgresql";
import { startEmbeddedServer } from "@headstart/pg-snapshot";
import { createBootstrap, defineProjection } from "@headstart/projection-bootstrap";
import pg from "pg";
import { z } from "zod";
import { printRatios, timed } from "./print-ratios.ts";

// The same projection over the same events, kept by this package and by emmett's Pongo projection, in two databases
// of one server. Both are filled through their own `append`; the result of each is compared row by row.

const streams = 1000;
const eventsAtOnce = 10;
const events = Number(process.argv[2] ?? 100_000);
/** Emmett's batches: its default of 100 with a pause of 50 ms after each would measure the pauses. */
const pulling = { batchSize: 5000, pullingFrequencyInMs: 1 };

// A type and not an interface, since only types are indexable as Pongo's documents are.
type Account = {
  balance: number;
  changes: number;
  last: string;
};
type Changed = Event<"changed", { amount: number; note: string }>;

/** The events of one append: `round` goes over all streams before the next one begins. */
function batch(stream: number, round: number): Changed[] {
  return Array.from({ length: eventsAtOnce }, (_, index) => ({
    type: "changed",
    data: { amount: (stream * 31 + round * 7 + index) % 1000, note: `round ${round}, event ${index}` },
  }));
}

function apply({ balance, changes }: Account, { amount, note }: Changed["data"]): Account {
  return { balance: balance + amount, changes: changes + 1, last: note };
}

const empty = (): Account => ({ balance: 0, changes: 0, last: "" });
const rounds = Math.ceil(events / (streams * eventsAtOnce));
const expected = new Map<string, Account>();
for (let stream = 0; stream < streams; stream++) {
  let account = empty();
  for (let round = 0; round < rounds; round++)
    for (const { data } of batch(stream, round)) account = apply(account, data);
  expected.set(`account-${stream}`, account);
}

/** How many rows are what the events say. Never throws, because an incomplete result is a result. */
function rightRows(rows: Iterable<readonly [string, Account]>): number {
  const found = new Map(rows);
  return [...expected].filter(([key, { balance, changes, last }]) => {
    const row = found.get(key);
    return row?.balance === balance && row.changes === changes && row.last === last;
  }).length;
}

type Append = (stream: string, batch: Changed[]) => Promise<unknown>;

/** Appends everything, by so many writers at once. */
async function fill(append: Append, writers: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const todo = Array.from({ length: streams }, (_, stream) => stream).values();
    await Promise.all(
      Array.from({ length: writers }, async () => {
        for (const stream of todo) await append(`account-${stream}`, batch(stream, round));
      }),
    );
  }
}

interface Contender {
  readonly append: Append;
  readonly catchUp: () => Promise<void>;
  readonly rebuild: () => Promise<void>;
  readonly right: () => Promise<number>;
  readonly close: () => Promise<void>;
}

const accounts = defineProjection<Account>({
  name: "accounts",
  identity: "benchmark",
  key: ({ stream }) => stream,
  schema: z.object({ balance: z.number(), changes: z.number(), last: z.string() }),
  init: empty,
  apply: (state, { data }) => apply(state, data as Changed["data"]),
});

async function headstart(url: string): Promise<Contender> {
  const pool = new pg.Pool({ connectionString: url, max: 16 });
  pool.on("error", () => undefined);
  const bootstrap = createBootstrap({ pool, projections: [accounts] });
  await bootstrap.boot();
  return {
    append: (stream, list) => bootstrap.append(stream, list),
    catchUp: async () => void (await bootstrap.catchUp()),
    rebuild: async () => void (await bootstrap.rebuild("accounts")),
    right: async () => {
      const { rows } = await pool.query<[string, Account]>({
        text: "select key, state from headstart_projections.accounts",
        rowMode: "array",
      });
      return rightRows(rows);
    },
    close: () => pool.end(),
  };
}

async function emmett(url: string): Promise<Contender> {
  const store = getPostgreSQLEventStore(url);
  await store.schema.migrate();
  const projection = pongoMultiStreamProjection<Account, Changed>({
    collectionName: "accounts",
    canHandle: ["changed"],
    getDocumentId: ({ metadata }) => metadata.streamName,
    initialState: empty,
    evolve: (account: Account, { data }: Changed) => ({ ...account, ...apply(account, data) }),
  });
  const catchUp = async (): Promise<void> => {
    const stopWhen = { noMessagesLeft: true };
    const consumer = postgreSQLEventStoreConsumer<Changed>({ connectionString: url, stopWhen, pulling });
    // Its own types differ in what may be undefined, under the strictest setting of TypeScript.
    type Projector = Parameters<typeof consumer.projector<Changed>>[0];
    consumer.projector<Changed>({ projection, processorId: "accounts" } as unknown as Projector);
    await consumer.start();
    await consumer.close();
  };
  await catchUp();
  return {
    append: (stream, list) => store.appendToStream<Changed>(stream, list),
    catchUp,
    rebuild: async () => {
      const options = { connectionString: url, projections: [projection], pulling };
      type Rebuild = Parameters<typeof rebuildPostgreSQLProjections<Changed>>[0];
      const consumer = rebuildPostgreSQLProjections<Changed>(options as unknown as Rebuild);
      await consumer.start();
      await consumer.close();
    },
    right: async () => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      const { rows } = await client.query<[string, Account]>({
        text: "select _id, data from accounts",
        rowMode: "array",
      });
      await client.end();
      return rightRows(rows);
    },
    close: () => store.close(),
  };
}

// Emmett leaves connections open when it is closed, and nobody listens to them when their database goes.
process.on("uncaughtException", (error: NodeJS.ErrnoException) => {
  if (error.code !== "57P01") throw error;
});

const directory = await mkdtemp(join(tmpdir(), "headstart-bench-"));
// Open to the account that a server started by root runs as.
await chmod(directory, 0o755);
const server = await startEmbeddedServer({ directory });
const contenders = { headstart, emmett };
const names = ["headstart", "emmett"] as const;

/** A database of its own, and the time of each step with the rows that were right after it. */
async function measure(
  name: (typeof names)[number],
  writers: number,
  steps: readonly ("catchUp" | "rebuild")[],
) {
  const database = `${name}_${writers}`;
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  await admin.query(`create database ${database}`);
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  const contender = await contenders[name](url.href);
  try {
    await fill(contender.append, writers);
    const results = [];
    for (const step of steps) {
      const ms = await timed(contender[step]);
      results.push({ name, step, ms, right: await contender.right() });
    }
    return results;
  } finally {
    await contender.close();
    await admin.query(`drop database ${database} with (force)`);
    await admin.end();
  }
}

try {
  const one = {
    headstart: await measure("headstart", 1, ["catchUp", "rebuild"]),
    emmett: await measure("emmett", 1, ["catchUp", "rebuild"]),
  };
  for (const [index, title] of ["Catch-up", "Full rebuild"].entries()) {
    const [ours, peer] = names.map((name) => one[name][index]);
    if (ours === undefined || peer === undefined) continue;
    printRatios(
      `${title}: ${expected.size} rows, ${rounds * streams * eventsAtOnce} events appended by one writer`,
      { name: "headstart", ms: [ours.ms] },
      [{ name: "emmett", ms: [peer.ms] }],
    );
    console.log(`\nright rows: headstart ${ours.right}, emmett ${peer.right} of ${expected.size}`);
  }
  // Emmett 0.42 orders by transaction and continues by position, so it passes by what was committed late.
  for (const name of names) {
    const [result] = await measure(name, 8, ["catchUp"]);
    console.log(
      `appended by eight writers at once: ${name} has ${result?.right} of ${expected.size} rows right`,
    );
  }
} finally {
  await server.leave();
  await rm(directory, { recursive: true, force: true });
}
