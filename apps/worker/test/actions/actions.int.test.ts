import { expect, test } from "vitest";
import { actions } from "../../src/actions/actions.ts";
import { markdown, openStatusServer, TOKEN, type StatusServer } from "../support/status-server.ts";

interface Answer {
  readonly status: number;
  readonly message: string | undefined;
  readonly code: string | undefined;
}

async function ask(
  { url }: StatusServer,
  action: string,
  request: unknown,
  { token = TOKEN, headers = {} }: { token?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const response = await fetch(`${url}/actions/${action}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}`, ...headers },
    body: typeof request === "string" ? request : JSON.stringify(request),
  });
  const body = (await response.json()) as { message?: string; error?: { code: string; message: string } };
  return { status: response.status, message: body.message ?? body.error?.message, code: body.error?.code };
}

test("without a token in the configuration nothing can be done, whatever is sent", async () => {
  await using server = await openStatusServer();
  await server.repository("handbook");
  for (const name of [...actions.keys(), "check", "none"]) {
    expect(await ask(server, name, { repository: "handbook" })).toMatchObject({
      status: 403,
      code: "ACTIONS_OFF",
    });
  }
  expect((await server.status()).actions).toBe(false);
});

test("a token that is wrong, missing or nearly right is refused, said in the log, and changes nothing", async () => {
  await using server = await openStatusServer({ token: TOKEN });
  await server.repository("handbook");
  const wrong = ["", "x", TOKEN.slice(0, -1), `${TOKEN}x`, TOKEN.toUpperCase(), "🐟"];
  for (const token of wrong) {
    const encoded = encodeURIComponent(token);
    expect(await ask(server, "pause", { repository: "handbook" }, { token: encoded })).toMatchObject({
      status: 401,
      code: "TOKEN_WRONG",
    });
  }
  for (const authorization of [`Basic ${btoa(`:${TOKEN}`)}`, TOKEN, `Bearer ${TOKEN} more`, `Bearer`]) {
    const answer = await ask(server, "check", {}, { headers: { authorization } });
    expect(answer.status).toBe(401);
  }
  expect((await ask(server, "check", {})).status).toBe(200);
  const { rows } = await server.db.query("select paused_at from headstart_materializer.repositories");
  expect(rows).toEqual([{ paused_at: null }]);
  const refused = server.logged.filter((line) => line.includes('"action.refused"'));
  expect(refused).toHaveLength(wrong.length + 4);
  expect(server.logged.join("")).not.toContain(TOKEN);
});

test("pause, resume and looks at a repository", async () => {
  await using server = await openStatusServer({ token: TOKEN });
  const upstream = await server.repository("handbook");
  await upstream.commit("main", { "pages/a.md": markdown("A") });
  await server.settle("handbook");
  const request = { repository: "handbook" };
  expect(await ask(server, "pause", request)).toMatchObject({
    status: 200,
    message: expect.stringContaining("paused"),
  });
  await server.statusWhen("the pause", ({ repositories }) => repositories[0]?.pausedAt !== null);
  expect(await ask(server, "resume", request)).toMatchObject({ status: 200 });
  await server.statusWhen("its end", ({ repositories }) => repositories[0]?.pausedAt === null);
  const due = async (): Promise<boolean> => {
    const { rows } = await server.db.query<{ due: boolean }>(
      "select observe_at <= now() as due from headstart_materializer.repositories",
    );
    return rows[0]?.due === true;
  };
  await server.settle("handbook");
  expect(await due()).toBe(false);
  expect(await ask(server, "sync", { ...request, branch: "main" })).toMatchObject({ status: 200 });
  expect(await due()).toBe(true);
  const done = server.logged.filter((line) => line.includes('"action.done"')).map((line) => JSON.parse(line));
  expect(done).toMatchObject([
    { action: "pause", by: "token", request, address: "127.0.0.1" },
    { action: "resume" },
    { action: "sync" },
  ]);
});

test("a branch is rolled back with a reason, pinned, and unpinned", async () => {
  await using server = await openStatusServer({ token: TOKEN });
  const upstream = await server.repository("handbook");
  const first = await upstream.commit("main", { "pages/a.md": markdown("A") });
  await server.settle("handbook");
  const second = await upstream.commit("main", { "pages/a.md": markdown("B") });
  await server.settle("handbook");
  const request = { repository: "handbook", branch: "main" };
  const back = await ask(server, "rollback", { ...request, to: first, reason: "B is wrong" });
  expect(back).toMatchObject({ status: 200, message: expect.stringContaining(first.slice(0, 12)) });
  const pinned = await server.statusWhen("the pin", ({ totals }) => totals.pinned === 1);
  expect(pinned.branches[0]).toMatchObject({
    served: { commit: first },
    pinned: { latest: second },
    behindSince: null,
  });
  expect(pinned.latest[0]).toMatchObject({ type: "branch-pinned", reason: "B is wrong" });
  expect(await ask(server, "unpin", request)).toMatchObject({ status: 200 });
  const after = await server.statusWhen("the newest", ({ totals }) => totals.pinned === 0);
  expect(after.branches[0]?.served?.commit).toBe(second);
  const gone = "0".repeat(40);
  expect(await ask(server, "rollback", { ...request, to: gone })).toMatchObject({
    status: 404,
    code: "VERSION_UNKNOWN",
  });
});

test("failed branches are built again: one, or all of a repository", async () => {
  await using server = await openStatusServer({ token: TOKEN });
  const upstream = await server.repository("handbook");
  const start = await upstream.commit("main", { "pages/a.md": markdown("A") });
  await upstream.branches(["drafts/x", "drafts/y"], start);
  await upstream.commit("drafts/x", { "pages/a.md": "---\n---\n" });
  await upstream.commit("drafts/y", { "pages/a.md": "---\n---\n" });
  await server.settle("handbook");
  const one = await ask(server, "redrive", { repository: "handbook", branch: "drafts/x" });
  expect(one.message).toBe("One branch is built again.");
  const both = await ask(server, "redrive", { repository: "handbook" });
  expect(both.message).toBe("2 branches are built again.");
  const none = await ask(server, "redrive", { repository: "handbook", branch: "main" });
  expect(none.message).toMatch(/^Nothing had failed/);
});

test("deletions that are held back are let through", async () => {
  await using server = await openStatusServer({ token: TOKEN });
  const upstream = await server.repository("handbook");
  const start = await upstream.commit("main", { "pages/a.md": markdown("A") });
  const drafts = Array.from({ length: 30 }, (_, index) => `drafts/${index}`);
  await upstream.branches(drafts, start);
  await server.settle("handbook");
  for (const draft of drafts) await upstream.deleteBranch(draft);
  await server.settle("handbook");
  const held = await server.statusWhen("the guard", ({ repositories }) => repositories[0]?.guard !== null);
  expect(held.totals.branches).toBe(31);
  expect(await ask(server, "confirm-deletions", { repository: "handbook" })).toMatchObject({ status: 200 });
  await server.settle("handbook");
  const after = await server.statusWhen("the deletions", ({ totals }) => totals.branches === 1);
  expect(after.totals.states.deleted).toBe(30);
});

test("the concurrency of the worker that is asked", async () => {
  await using server = await openStatusServer({ token: TOKEN });
  expect(await ask(server, "concurrency", { builds: 9 })).toMatchObject({ status: 200 });
  expect(server.context.concurrency.current).toBe(9);
  for (const builds of [0, 65, 1.5, "4", null])
    expect(await ask(server, "concurrency", { builds })).toMatchObject({ status: 400 });
  expect(server.context.concurrency.current).toBe(9);
});

test("requests that do not fit are refused by name", async () => {
  await using server = await openStatusServer({ token: TOKEN });
  expect(await ask(server, "pause", { repository: "none" })).toMatchObject({
    status: 404,
    code: "REPOSITORY_UNKNOWN",
  });
  expect(await ask(server, "fly", {})).toMatchObject({ status: 404, code: "ACTION_UNKNOWN" });
  expect(await ask(server, "pause", "{")).toMatchObject({ status: 400, code: "REQUEST_INVALID" });
  for (const request of [{ repository: "\0" }, { repository: "handbook", branch: "a\0b" }]) {
    expect(await ask(server, "sync", request)).toMatchObject({ status: 400, code: "REQUEST_INVALID" });
    expect(await ask(server, "redrive", request)).toMatchObject({ status: 400, code: "REQUEST_INVALID" });
  }
  expect(await ask(server, "pause", { repository: "a", other: 1 })).toMatchObject({ status: 400 });
  expect(await ask(server, "rollback", { repository: "a", branch: "b", to: "main" })).toMatchObject({
    status: 400,
  });
  expect(await ask(server, "pause", "x".repeat(20_000))).toMatchObject({ status: 413 });
  const form = { "content-type": "application/x-www-form-urlencoded" };
  expect(await ask(server, "pause", "repository=a", { headers: form })).toMatchObject({ status: 415 });
});
