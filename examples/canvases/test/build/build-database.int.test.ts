import pg from "pg";
import { expect, test } from "vitest";
import { buildDatabase } from "../../build/build-database.ts";
import { expandCorpus } from "../../corpus/expand-corpus.ts";
import { remakeDeliveries } from "../../src/deliveries.ts";
import { databaseContent } from "../database-content.ts";
import { scratchDatabase, type ScratchDatabase } from "../scratch-database.ts";

const silent = (): void => undefined;

async function built(events: number): Promise<ScratchDatabase> {
  const database = await scratchDatabase();
  await buildDatabase(database.url, { events, report: silent });
  return database;
}

test("two builds give equal databases, sequences included", async () => {
  await using one = await built(3_000);
  await using other = await built(3_000);
  const content = await databaseContent(one.url);
  expect(content["event"]).toMatch(/^3000 rows/);
  expect(await databaseContent(other.url)).toEqual(content);
});

test("deliveries that come one by one lead to the same derived tables as a bulk load", async () => {
  await using whole = await built(3_000);
  await using grown = await built(2_400);
  await using client = await connect(grown.url);
  for (const { event, occurredAt, body } of [...expandCorpus(3_000).deliveries()].slice(2_400)) {
    await client.query("insert into inbox (event, occurred_at, modelled, body) values ($1, $2, true, $3)", [
      event,
      occurredAt,
      JSON.stringify(body),
    ]);
    await client.query("select append_inbox()");
    await client.query("select catch_up()");
  }
  const [expected, actual] = [await databaseContent(whole.url), await databaseContent(grown.url)];
  for (const table of ["event", "run", "activity_day", "derived"])
    expect(actual[table]).toEqual(expected[table]);
  expect(await documents(grown.url)).toEqual(await documents(whole.url));
});

test("a delivery that was left out is made again to the letter", async () => {
  await using database = await built(3_000);
  const before = await databaseContent(database.url);
  await using client = await connect(database.url);
  await client.query("update event set delivery = null");
  expect(await remakeDeliveries(client)).toBe(3_000);
  expect(await databaseContent(database.url)).toEqual(before);
});

test("the state of a run is what folding its events by hand gives", async () => {
  await using database = await built(3_000);
  await using client = await connect(database.url);
  const states = new Map<
    string,
    { status: string; conclusion: string | null; jobs: number; failedJobs: number }
  >();
  const events = await client.query<{ stream: string; type: string; data: Record<string, string> }>(
    "select stream, type, data from event where stream like 'run/%' order by position",
  );
  for (const { stream, type, data } of events.rows) {
    const state = states.get(stream) ?? { status: "", conclusion: null, jobs: 0, failedJobs: 0 };
    if (type.startsWith("workflow_run.")) {
      state.status = data["status"] ?? "";
      state.conclusion = data["conclusion"] ?? null;
    }
    if (type === "workflow_job.queued") state.jobs += 1;
    if (type === "workflow_job.completed" && data["conclusion"] === "failure") state.failedJobs += 1;
    states.set(stream, state);
  }
  const runs = await client.query<{ stream: string }>(
    `select 'run/' || id as stream, status, conclusion, jobs, failed_jobs as "failedJobs" from run`,
  );
  expect(Object.fromEntries(runs.rows.map(({ stream, ...state }) => [stream, state]))).toEqual(
    Object.fromEntries(states),
  );
});

async function connect(url: string): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

/** Without their numbers, which depend on when a document was first seen. */
async function documents(url: string): Promise<object[]> {
  await using client = await connect(url);
  const { rows } = await client.query<object>(
    "select stream, kind, repository_id, title, body, updated_at, words from document order by stream",
  );
  return rows;
}
