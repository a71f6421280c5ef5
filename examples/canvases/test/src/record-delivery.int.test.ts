import { expect, test } from "vitest";
import type pg from "pg";
import { recentRuns } from "../../src/recent-runs.ts";
import { recordDelivery } from "../../src/record-delivery.ts";
import { searchDocuments } from "../../src/search-documents.ts";
import { openCanvases, type Canvases } from "../open-canvases.ts";

const sender = { id: 424_242, login: "newcomer", type: "User" };

async function withClient<T>({ db }: Canvases, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await db.connect();
  try {
    return await work(client);
  } finally {
    client.release();
  }
}

async function repositoryOf({ db }: Canvases): Promise<{ id: number; full_name: string }> {
  const { rows } = await db.query<{ id: number; full_name: string }>(
    "select id, full_name from repository order by id limit 1",
  );
  return rows[0] ?? { id: 0, full_name: "" };
}

test("a run that is requested and completed is shown as completed", async () => {
  await using canvases = await openCanvases();
  const repository = await repositoryOf(canvases);
  const run = {
    id: 8_000_000_001,
    name: "CI",
    run_number: 1,
    head_branch: "main",
    event: "push",
    display_title: "By hand",
  };
  const tell = (action: string, occurredAt: string, state: object): Promise<void> =>
    withClient(canvases, (client) =>
      recordDelivery(client, {
        event: "workflow_run",
        occurredAt: new Date(occurredAt),
        body: { action, repository, sender, workflow_run: { ...run, ...state } },
      }),
    );
  await tell("requested", "2030-01-01T10:00:00Z", { status: "queued" });
  await tell("in_progress", "2030-01-01T10:00:05Z", { status: "in_progress" });
  await tell("completed", "2030-01-01T10:01:35Z", { status: "completed", conclusion: "success" });
  expect(await recentRuns(canvases.db, { limit: 1 })).toMatchObject([
    { id: run.id, title: "By hand", status: "completed", conclusion: "success", seconds: 90, jobs: 0 },
  ]);
});

test("a comment can be found a moment after it was written", async () => {
  await using canvases = await openCanvases();
  const repository = await repositoryOf(canvases);
  const issue = { number: 999_001, title: "Rename the aardvark", body: "It is called otherwise." };
  const occurredAt = new Date("2030-01-01T10:00:00Z");
  await withClient(canvases, async (client) => {
    await recordDelivery(client, {
      event: "issues",
      occurredAt,
      body: { action: "opened", repository, sender, issue },
    });
    await recordDelivery(client, {
      event: "issue_comment",
      occurredAt,
      body: {
        action: "created",
        repository,
        sender,
        issue,
        comment: { id: 1, body: "Pangolin, I suppose." },
      },
    });
  });
  const { documents } = await searchDocuments(canvases.db, "pangolin");
  expect(documents).toMatchObject([{ title: "Rename the aardvark", repository: repository.full_name }]);
});

test("a delivery about a repository that nobody knows is refused, and leaves nothing behind", async () => {
  await using canvases = await openCanvases();
  const body = {
    action: "created",
    repository: { id: 7, full_name: "nobody/nothing" },
    sender,
    starred_at: null,
  };
  await withClient(canvases, async (client) => {
    await expect(
      recordDelivery(client, { event: "star", occurredAt: new Date("2030-01-01"), body }),
    ).rejects.toThrow("event_repository_id_fkey");
  });
  const { rows } = await canvases.db.query(
    "select from inbox union all select from actor where login = 'newcomer'",
  );
  expect(rows).toEqual([]);
});

test("what one clone records the other does not see", async () => {
  await using one = await openCanvases();
  await using other = await openCanvases();
  const repository = await repositoryOf(one);
  const count = async ({ db }: Canvases): Promise<number> =>
    (await db.query<{ count: number }>("select count(*)::integer as count from event")).rows[0]?.count ?? 0;
  const before = await count(other);
  await withClient(one, (client) =>
    recordDelivery(client, {
      event: "star",
      occurredAt: new Date("2030-01-01"),
      body: { action: "created", repository, sender, starred_at: "2030-01-01T00:00:00Z" },
    }),
  );
  expect(await count(one)).toBe(before + 1);
  expect(await count(other)).toBe(before);
});
