import { getEventListeners, once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import { branchDetail, type StatusChange } from "../../src/status/status-schema.ts";
import { markdown, openStatusServer } from "../support/status-server.ts";
import { until } from "../support/until.ts";

interface Heard {
  readonly event: string;
  readonly id: string;
  readonly data: StatusChange;
}

/** Reads a live stream as a browser does. */
async function listen(url: string, headers: Record<string, string> = {}) {
  const request = get(url, { headers });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const heard: Heard[] = [];
  let text = "";
  let ended = false;
  response.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const fields = new Map(
        text
          .slice(0, end)
          .split("\n")
          .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)] as const),
      );
      text = text.slice(end + 2);
      const data = fields.get("data");
      if (data === undefined) continue;
      heard.push({
        event: fields.get("event") ?? "",
        id: fields.get("id") ?? "",
        data: JSON.parse(data) as StatusChange,
      });
    }
  });
  response.on("close", () => (ended = true));
  response.on("error", () => undefined);
  return { response, heard, ended: () => ended, close: () => request.destroy() };
}

test("a change reaches a viewer who has the status, and says only what is new", async () => {
  await using server = await openStatusServer();
  const upstream = await server.repository("handbook");
  const start = await upstream.commit("main", { "pages/a.md": markdown("A") });
  await upstream.branches(["drafts/x"], start);
  await server.settle("handbook");
  const { id } = await server.statusWhen("branches", ({ totals }) => totals.states.ready === 2);
  const viewer = await listen(`${server.url}/live?since=${id}`);
  expect(viewer.response.headers["content-type"]).toBe("text/event-stream");
  const commit = await upstream.commit("drafts/x", { "pages/a.md": markdown("B") });
  await server.settle("handbook");
  const served = ({ data }: Heard): boolean =>
    data.branches?.set.some((row) => row.served?.commit === commit) === true;
  await until(() => viewer.heard.some(served), { what: "the change", details: () => viewer.heard });
  expect(viewer.heard.every(({ event }) => event === "change" || event === "beat")).toBe(true);
  const branches = viewer.heard.flatMap(({ data }) => data.branches?.set.map(({ branch }) => branch) ?? []);
  expect(new Set(branches)).toEqual(new Set(["drafts/x"]));
  viewer.close();
});

test("a viewer who comes back goes on from where it was; a stranger is told to begin anew", async () => {
  await using server = await openStatusServer();
  const upstream = await server.repository("handbook");
  await upstream.commit("main", { "pages/a.md": markdown("A") });
  await server.settle("handbook");
  const { id } = await server.statusWhen("a branch", ({ totals }) => totals.states.ready === 1);
  const commit = await upstream.commit("main", { "pages/a.md": markdown("B") });
  await server.settle("handbook");
  await server.statusWhen("the new commit", ({ branches }) => branches[0]?.served?.commit === commit);
  const back = await listen(`${server.url}/live?since=nonsense`, { "last-event-id": id });
  await until(() => back.heard.length > 0, { what: "what was missed" });
  expect(back.heard[0]).toMatchObject({ event: "change" });
  expect(back.heard[0]?.data.branches?.set[0]?.served?.commit).toBe(commit);
  back.close();
  for (const since of ["", "?since=", "?since=other-process-7", "?since=deadbeef-1", `?since=${id}9999`]) {
    const stranger = await listen(`${server.url}/live${since}`);
    await until(() => stranger.heard.length > 0, { what: `an answer to ${since}` });
    expect(stranger.heard[0]?.event).toBe("reset");
    stranger.close();
  }
});

test("streams end when the worker ends, and no new one begins", async () => {
  await using server = await openStatusServer();
  const viewers = await Promise.all(
    Array.from({ length: 20 }, async () => await listen(`${server.url}/live`)),
  );
  server.end();
  await until(() => viewers.every((viewer) => viewer.ended()), { what: "the end of every stream" });
  expect((await fetch(`${server.url}/live`)).status).toBe(503);
});

test("whoever asks for the head of a stream is answered, and nothing of it stays", async () => {
  await using server = await openStatusServer();
  const { ending } = server.context;
  await server.statusWhen("the first look", ({ health }) => health.ok);
  const listening = (): number => getEventListeners(ending, "abort").length;
  const before = listening();
  // More than there may be viewers.
  for (let asked = 0; asked < 600; asked += 1) {
    const head = await fetch(`${server.url}/live?since=x`, { method: "HEAD" });
    expect([head.status, head.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
  }
  expect(listening()).toBe(before);
});

test("the status has a tag, is not sent twice, and is compressed for who wants that", async () => {
  await using server = await openStatusServer();
  await server.statusWhen("the first look", ({ health }) => health.ok);
  const first = await fetch(`${server.url}/status`, { headers: { "accept-encoding": "gzip" } });
  expect(first.headers.get("content-encoding")).toBe("gzip");
  const plain = await fetch(`${server.url}/status`, { headers: { "accept-encoding": "identity" } });
  expect(plain.headers.get("content-encoding")).toBeNull();
  const { id } = (await plain.json()) as { id: string };
  expect(plain.headers.get("etag")).toBe(`"${id}"`);
  const again = await fetch(`${server.url}/status`, { headers: { "if-none-match": `"${id}"` } });
  expect([200, 304]).toContain(again.status);
  if (again.status === 200) expect(again.headers.get("etag")).not.toBe(`"${id}"`);
});

test("a branch's details: explanation, issues with their lines, versions, events with their paths", async () => {
  await using server = await openStatusServer();
  const upstream = await server.repository("handbook");
  const first = await upstream.commit("main", { "pages/a.md": markdown("A") });
  await server.settle("handbook");
  const second = await upstream.commit("main", { "pages/a.md": markdown("B"), "pages/b.md": markdown("C") });
  await server.settle("handbook");
  const bad = await upstream.commit("main", { "pages/z.md": "---\ntitle: T\norder: x\n---\n" });
  await server.settle("handbook");
  const response = await fetch(`${server.url}/branch?repository=handbook&branch=main`);
  const detail = branchDetail.parse(await response.json());
  expect(detail).toMatchObject({ current: false, branch: "main", warnings: { total: 0, shown: [] } });
  expect(detail.reasons.join(" ")).toContain(bad.slice(0, 12));
  expect(detail.blocking).toMatchObject({ total: 1, shown: [{ path: "pages/z.md", line: 3, column: 8 }] });
  expect(detail.history.map(({ commit, served }) => [commit, served])).toEqual([
    [second, true],
    [first, false],
  ]);
  expect(detail.events.map(({ type, changed }) => [type, changed?.shown])).toEqual([
    ["branch-failed", undefined],
    ["branch-materialized", ["pages/a.md", "pages/b.md"]],
    ["branch-materialized", undefined],
  ]);
});

test("a branch that nobody knows, or that is not named, is said", async () => {
  await using server = await openStatusServer();
  await server.repository("handbook");
  const ask = async (query: string) => {
    const response = await fetch(`${server.url}/branch${query}`);
    const { error } = (await response.json()) as { error: { code: string } };
    return [response.status, error.code];
  };
  expect(await ask("?repository=handbook&branch=none")).toEqual([404, "BRANCH_UNKNOWN"]);
  expect(await ask("?repository=none&branch=main")).toEqual([404, "BRANCH_UNKNOWN"]);
  expect(await ask("?repository=handbook")).toEqual([400, "REQUEST_INVALID"]);
  expect(await ask("?repository=%00&branch=main")).toEqual([400, "REQUEST_INVALID"]);
  expect(await ask("?repository=handbook&branch=a%00b")).toEqual([400, "REQUEST_INVALID"]);
});
