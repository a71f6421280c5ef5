import { expect, test } from "vitest";
import { scratchRepository } from "../support/git/scratch-repository.ts";
import { note, openProject, type Project } from "../support/open-project.ts";

test("a remote that names the time of the next attempt is not asked before it, however many hints come", async () => {
  await using project = await openProject({ over: "http" });
  await using willing = await scratchRepository();
  const { upstream, materializer, db } = project;
  await upstream.commit("main", { "notes/a/x.json": note("x") });
  await willing.commit("main", { "notes/a/x.json": note("x") });
  await materializer.register({ name: "willing", url: willing.url, projector: "notes" });
  await refuseOnce(project, { status: 429, headers: { "retry-after": "3600" } });
  expect(await nextAttempt(project)).toBeGreaterThan(Date.now() + 3_000_000);

  const looked: string[] = [];
  const hints: Promise<void>[] = [];
  const ending = new AbortController();
  const running = materializer.run({
    signal: ending.signal,
    idleMs: 5,
    onObserved: (name) => {
      looked.push(name);
      hints.push(materializer.hint({ repository: "handbook" }), materializer.hint({ repository: "willing" }));
    },
  });
  await expect
    .poll(() => looked.filter((name) => name === "willing").length, { timeout: 30_000 })
    .toBeGreaterThan(10);
  expect(looked).not.toContain("handbook");
  await db.query("update headstart_materializer.repositories set not_before = now()");
  await expect
    .poll(async () => await project.notes("main"), { timeout: 30_000 })
    .toEqual({ "a/x.json": "x" });
  ending.abort();
  await running;
  await Promise.all(hints);
});

test("a hint does not undo the waits between failed looks, but shortens long ones", async () => {
  await using project = await openProject({ over: "http", settings: { pollMinMs: 30_000 } });
  for (let failures = 0; failures < 8; failures += 1) await refuseOnce(project, { status: 503 });
  const next = await nextAttempt(project);
  expect(next).toBeGreaterThan(Date.now() + 10_000);
  expect(next).toBeLessThanOrEqual(Date.now() + 30_000);
});

test("another URL may be asked at once", async () => {
  await using project = await openProject({ over: "http" });
  await refuseOnce(project, { status: 429, headers: { "retry-after": "3600" } });
  await project.materializer.register({ name: "handbook", url: project.upstream.url, projector: "notes" });
  expect(await nextAttempt(project)).toBeLessThanOrEqual(Date.now());
});

/** Has the remote refuse one look, which a hint follows. */
async function refuseOnce(
  { server, materializer }: Project,
  answer: { status: number; headers?: Record<string, string> },
): Promise<void> {
  if (server === undefined) throw new Error("the project is not served over HTTP");
  server.faults.answer = answer;
  await expect(materializer.observe("handbook")).rejects.toThrow();
  server.faults.answer = undefined;
  await materializer.hint({ repository: "handbook" });
}

/** In milliseconds since 1970: when the repository may be asked again, by what is explained. */
async function nextAttempt({ db, materializer }: Project): Promise<number> {
  await db.query(
    `insert into headstart_materializer.branches (repository_id, ref, class, desired_oid, desired_seq)
     select id, 'refs/heads/known', 'live', decode(repeat('ab', 20), 'hex'), 1
     from headstart_materializer.repositories where name = 'handbook' on conflict do nothing`,
  );
  const { reasons } = await materializer.explain({ repository: "handbook", branch: "known" });
  const time = /next attempt is due at (\S+)\.$/.exec(reasons.join("\n"))?.[1] ?? "";
  return new Date(time).getTime();
}
