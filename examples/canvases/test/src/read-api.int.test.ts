import { afterAll, beforeAll, expect, test } from "vitest";
import { recentRuns } from "../../src/recent-runs.ts";
import { repositoryActivity } from "../../src/repository-activity.ts";
import { searchDocuments } from "../../src/search-documents.ts";
import { similarDocuments } from "../../src/similar-documents.ts";
import { viewCanvas } from "../../src/view-canvas.ts";
import { openCanvases, type Canvases } from "../open-canvases.ts";

let canvases: Canvases;
beforeAll(async () => {
  canvases = await openCanvases();
});
afterAll(async () => await canvases[Symbol.asyncDispose]());

async function number(sql: string): Promise<number> {
  const { rows } = await canvases.db.query<{ number: number }>(`select (${sql})::integer as number`);
  return rows[0]?.number ?? NaN;
}

test("the log holds more than 200,000 events, numbered without gaps in the order of time", async () => {
  expect(await number("select count(*) from event")).toBeGreaterThanOrEqual(200_000);
  expect(await number("select max(position) - count(*) from event")).toBe(0);
  expect(
    await number(
      "select count(*) from (select occurred_at < lag(occurred_at) over (order by position) as early from event) e where early",
    ),
  ).toBe(0);
});

test("recent runs come newest first, with what became of their jobs", async () => {
  const runs = await recentRuns(canvases.db, { workspace: "harbor", limit: 20 });
  expect(runs).toHaveLength(20);
  const times = runs.map((run) => run.requestedAt.getTime());
  expect(times).toEqual([...times].sort((a, b) => b - a));
  for (const run of runs) {
    expect(run.repository).toMatch(/^harbor\//);
    if (run.conclusion === "failure") expect(run.failedJobs).toBeGreaterThan(0);
    if (run.conclusion === "success") expect(run.failedJobs).toBe(0);
  }
});

test("runs can be asked for by repository and workflow", async () => {
  const [latest] = await recentRuns(canvases.db, { limit: 1 });
  const { repository, workflow } = latest ?? { repository: "", workflow: "" };
  const runs = await recentRuns(canvases.db, { repository, workflow });
  expect(runs[0]).toEqual(latest);
  expect(new Set(runs.map((run) => `${run.repository} ${run.workflow}`))).toEqual(
    new Set([`${repository} ${workflow}`]),
  );
});

test("activity has a row for each day, and its events add up to the log's", async () => {
  const [latest] = await recentRuns(canvases.db, { limit: 1 });
  const repository = latest?.repository ?? "";
  const days = await repositoryActivity(canvases.db, repository, { days: 30 });
  expect(days).toHaveLength(30);
  const expected = await number(
    `select count(*) from event join repository on repository.id = repository_id
      where full_name = '${repository}' and (occurred_at at time zone 'UTC')::date between '${days[0]?.day}' and '${days.at(-1)?.day}'`,
  );
  expect(days.reduce((sum, day) => sum + day.events, 0)).toBe(expected);
});

test("a repository that nobody knows has no activity", async () => {
  expect(await repositoryActivity(canvases.db, "nobody/nothing")).toEqual([]);
});

test("search finds words in any form, best first, and marks them", async () => {
  const { match, documents } = await searchDocuments(canvases.db, "uploading queues", { limit: 5 });
  expect(match).toBe("words");
  expect(documents).toHaveLength(5);
  for (const { title } of documents) expect(title).toMatch(/upload queue/);
});

test("search within a repository finds nothing of the others", async () => {
  const [anywhere] = (await searchDocuments(canvases.db, "keyboard", { limit: 1 })).documents;
  const repository = anywhere?.repository ?? "";
  const { documents } = await searchDocuments(canvases.db, "keyboard", { repository });
  expect(documents.length).toBeGreaterThan(0);
  expect(new Set(documents.map((document) => document.repository))).toEqual(new Set([repository]));
});

test("search forgives spelling", async () => {
  const { match, documents } = await searchDocuments(canvases.db, "keybord navigaton", { limit: 3 });
  expect(match).toBe("spelling");
  for (const { title } of documents) expect(title).toMatch(/keyboard navigation/);
});

test("search for what nobody wrote finds nothing", async () => {
  expect(await searchDocuments(canvases.db, "qqqzzzxxx")).toEqual({ match: "none", documents: [] });
});

test("documents that look like earlier ones lead to them", async () => {
  const { rows } = await canvases.db.query<{ stream: string }>(
    "select stream from similar_document join document on id = document_id where percent > 60 order by percent desc, id limit 1",
  );
  const [first, ...others] = await similarDocuments(canvases.db, rows[0]?.stream ?? "");
  expect(first?.percent).toBeGreaterThan(60);
  expect(others.length).toBeLessThanOrEqual(2);
  for (const { percent } of others) expect(percent).toBeLessThanOrEqual(first?.percent ?? 0);
});

test("a canvas shows its nodes with what they are about, and edges between nodes it has", async () => {
  const [latest] = await recentRuns(canvases.db, { limit: 1 });
  const canvas = await viewCanvas(canvases.db, latest?.repository ?? "");
  expect(canvas?.title).toBe(latest?.repository);
  const kinds = new Set(canvas?.nodes.map((node) => node.kind));
  expect(kinds).toEqual(new Set(["repository", "workflow", "activity", "search", "note"]));
  const keys = canvas?.nodes.map((node) => node.key) ?? [];
  for (const { source, target } of canvas?.edges ?? [])
    expect(keys).toEqual(expect.arrayContaining([source, target]));
  const shown = canvas?.nodes.find(
    (node) => node.kind === "workflow" && node.source.workflow === latest?.workflow,
  );
  expect(shown?.content).toEqual(await recentRuns(canvases.db, { ...shown?.source, limit: 5 }));
});

test("a workspace has an overview of its eight repositories", async () => {
  const canvas = await viewCanvas(canvases.db, "harbor");
  expect(canvas?.nodes.filter((node) => node.kind === "repository")).toHaveLength(8);
  expect(canvas?.edges).toHaveLength(8);
  expect(await viewCanvas(canvases.db, "no such canvas")).toBeUndefined();
});
