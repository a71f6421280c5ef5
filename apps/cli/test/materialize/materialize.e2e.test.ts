import { expect, test } from "vitest";
import { branchProject, page } from "../fixtures/branches.ts";

interface Branch {
  readonly branch: string;
  readonly status: string;
  readonly current: boolean;
}

test.each(["http", "file"] as const)(
  "sync brings git into an empty database by itself, over %s",
  async (over) => {
    await using content = await branchProject(over);
    const oid = await content.commit("main", { "pages/home.md": page("Home") });
    const first = await content.run(["sync", "handbook", "main"]);
    expect(first, first.stderr).toMatchObject({ exitCode: 0 });
    expect(first.stdout).toContain("✓ handbook main: current");
    expect(first.stdout).toContain(`${oid.slice(0, 12)} is served`);
    expect(first.stderr).toContain("done in this process");
    expect(await content.titles("main")).toEqual({ "pages/home.md": "Home" });

    await content.commit("main", { "pages/home.md": page("Welcome") });
    await content.commit("drafts/x", { "pages/new.md": page("New") });
    expect(await content.json(["sync"])).toMatchObject({
      exitCode: 0,
      repository: "handbook",
      current: true,
      here: true,
      counts: { ready: 2 },
    });
    expect(await content.titles("drafts/x")).toEqual({ "pages/home.md": "Welcome", "pages/new.md": "New" });
  },
);

test("sync --here of one branch builds no other, though it is due", async () => {
  await using content = await branchProject();
  await content.commit("main", { "pages/home.md": page("Home") });
  await content.run(["sync"]);
  await content.commit("drafts/x", { "pages/new.md": page("New") });
  await content.commit("main", { "pages/home.md": page("Two") });
  expect(await content.run(["sync", "handbook", "main", "--here"])).toMatchObject({ exitCode: 0 });
  expect(await content.titles("main")).toEqual({ "pages/home.md": "Two" });
  expect(await content.titles("drafts/x"), "it waits for a worker").toEqual({});
  expect(await content.run(["sync"])).toMatchObject({ exitCode: 0 });
  expect(await content.titles("drafts/x")).toMatchObject({ "pages/new.md": "New" });
});

test("with a worker alive sync hints and waits, and takes over when the worker dies", async () => {
  await using content = await branchProject();
  await content.commit("main", { "pages/home.md": page("Home") });
  const worker = content.startWorker();
  await expect
    .poll(async () => (await content.json<{ workers?: object[] }>(["status"])).workers?.length, {
      timeout: 60_000,
    })
    .toBe(1);
  await content.commit("main", { "pages/home.md": page("Two") });
  expect(await content.json(["sync", "handbook", "main"])).toMatchObject({
    exitCode: 0,
    current: true,
    here: false,
  });
  expect(await content.titles("main")).toEqual({ "pages/home.md": "Two" });
  const text = await content.run(["status"]);
  expect(text.stdout).toContain("1 worker is alive");

  worker.kill("SIGKILL");
  await worker;
  await content.commit("main", { "pages/home.md": page("Three") });
  expect(await content.json(["sync", "handbook", "main"])).toMatchObject({ exitCode: 0, current: true });
  expect(await content.titles("main")).toEqual({ "pages/home.md": "Three" });
});

test("a file in error is told by its place: by sync, explain, status and plan", async () => {
  await using content = await branchProject();
  const good = await content.commit("main", { "pages/home.md": page("Home") });
  await content.run(["sync"]);
  const bad = await content.commit("main", { "pages/home.md": "---\ntitle: 7\n---\n" });
  const plan = await content.json<{ issues: object[] }>(["plan", "handbook"]);
  expect(plan).toMatchObject({ exitCode: 1, served: good, oid: bad, publishable: false });
  expect(plan.issues).toMatchObject([{ path: "pages/home.md", line: 2, severity: "error" }]);

  const sync = await content.run(["sync", "handbook", "main"]);
  expect(sync).toMatchObject({ exitCode: 1 });
  expect(sync.stdout).toContain("✗ handbook main: error");
  const explain = await content.run(["explain", "handbook"]);
  expect(explain.exitCode).toBe(1);
  expect(explain.stdout).toMatch(/ {2}pages\/home\.md:2:\d+: .+\[.+\]/);
  expect(explain.stdout).toContain(`${good.slice(0, 12)} is served meanwhile`);
  expect(await content.json<Branch>(["explain"])).toMatchObject({
    exitCode: 1,
    branch: "main",
    status: "error",
    current: false,
    issues: [{ path: "pages/home.md", line: 2 }],
  });
  const status = await content.run(["status", "--failed"]);
  expect(status.exitCode).toBe(1);
  expect(status.stdout).toMatch(/✗ +handbook +1 branch: error/);
  expect(status.stdout).toMatch(/error +handbook +main +.+ → .+\[CONTENT_INVALID\]/);
  expect(await content.titles("main")).toEqual({ "pages/home.md": "Home" });
});

test("plan says which rows the tip would change, and changes nothing", async () => {
  await using content = await branchProject();
  const served = await content.commit("main", { "pages/a.md": page("A"), "pages/b.md": page("B") });
  await content.run(["sync"]);
  const tip = await content.commit("main", {
    "pages/a.md": page("A2"),
    "pages/b.md": null,
    "pages/c.md": page("C"),
  });
  const before = await content.rows("select * from headstart_materializer.branches");
  const text = await content.run(["plan", "handbook", "main"]);
  expect(text, text.stderr).toMatchObject({ exitCode: 0 });
  expect(text.stdout.split("\n")).toEqual([
    `handbook main: ${served.slice(0, 12)} → ${tip.slice(0, 12)}: 1 added, 1 changed, 1 removed`,
    "  + page pages/c.md",
    "  ~ page pages/a.md",
    "  - page pages/b.md",
  ]);
  expect(await content.json(["plan", "--commit", served])).toMatchObject({
    exitCode: 0,
    added: [],
    changed: [],
    removed: [],
  });
  expect(await content.rows("select * from headstart_materializer.branches")).toEqual(before);
  expect(await content.titles("main")).toEqual({ "pages/a.md": "A", "pages/b.md": "B" });
});

test("verify proves what is served, and finds a row that somebody changed", async () => {
  await using content = await branchProject();
  await content.commit("main", { "pages/home.md": page("Home") });
  await content.commit("drafts/x", { "pages/x.md": page("X") });
  await content.run(["sync"]);
  const proof = await content.run(["verify", "--all"]);
  expect(proof, proof.stderr).toMatchObject({ exitCode: 0 });
  expect(proof.stdout).toMatch(/✓ main: serves .+, as git has; equal\n✓ drafts\/x: /);
  await content.rows(
    `update headstart_materializer.segment_rows set data = '{"title":"Forged"}' where key = 'pages/home.md'`,
  );
  const text = await content.run(["verify", "handbook", "main"]);
  expect(text.exitCode).toBe(1);
  expect(text.stdout).toMatch(/different row page .*pages\/home\.md/);
  expect(await content.json(["verify", "handbook", "main"])).toMatchObject({
    exitCode: 1,
    equal: false,
    branches: [{ current: true, differences: [{ kind: "different", what: "row" }] }],
  });

  const rebuild = await content.run(["rebuild", "handbook", "main"]);
  expect(rebuild).toMatchObject({ exitCode: 0 });
  expect(rebuild.stderr).toContain("headstart materialize sync handbook main");
  expect(await content.run(["sync", "handbook", "main"])).toMatchObject({ exitCode: 0 });
  expect(await content.run(["verify", "handbook", "main"])).toMatchObject({ exitCode: 0 });
});

test("verify --all tells of a branch that another release projected, and goes on with the others", async () => {
  await using content = await branchProject();
  await content.commit("main", { "pages/home.md": page("Home") });
  for (const name of ["a", "b", "c"])
    await content.commit(`drafts/${name}`, { [`pages/${name}.md`]: page(name) });
  await content.run(["sync"]);
  await content.rows(
    `update headstart_materializer.versions v set projector = 'of another release'
     from headstart_materializer.branches b where b.served_version = v.id and b.ref = 'refs/heads/drafts/b'`,
  );
  const text = await content.run(["verify", "--all"]);
  expect(text, text.stderr).toMatchObject({ exitCode: 1 });
  expect(text.stdout).toMatch(
    /^✓ main: .+\n✓ drafts\/a: .+\n✗ drafts\/b: not verified: .*revision.* \[PROJECTOR_UNKNOWN\]\n {2}fix {3}Verify it where .*\n✓ drafts\/c: /,
  );
  const { branches, equal } = await content.json<{
    equal: boolean;
    branches: { ref: string; error?: { code: string } }[];
  }>(["verify", "--all"]);
  expect(equal).toBe(false);
  expect(branches.map(({ ref, error }) => [ref, error?.code])).toEqual([
    ["refs/heads/main", undefined],
    ["refs/heads/drafts/a", undefined],
    ["refs/heads/drafts/b", "PROJECTOR_UNKNOWN"],
    ["refs/heads/drafts/c", undefined],
  ]);
  expect(await content.run(["verify", "handbook", "drafts/b"])).toMatchObject({ exitCode: 3 });
});

test("rollback goes one version back, or to the one that is named; unpin goes forward again", async () => {
  await using content = await branchProject();
  const oids: string[] = [];
  for (const title of ["One", "Two", "Three"]) {
    oids.push(await content.commit("main", { "pages/home.md": page(title) }));
    await content.run(["sync"]);
  }
  const back = await content.run(["rollback", "handbook", "main", "--reason", "wrong prices"]);
  expect(back, back.stderr).toMatchObject({ exitCode: 0 });
  expect(back.stdout).toContain(`main serves ${oids[1]?.slice(0, 12)} instead of ${oids[2]?.slice(0, 12)}`);
  expect(await content.titles("main")).toEqual({ "pages/home.md": "Two" });
  expect(await content.json(["rollback", "--to", oids[0]?.slice(0, 8) ?? ""])).toMatchObject({
    exitCode: 0,
    from: oids[1],
    to: oids[0],
  });
  expect(await content.json(["rollback"])).toMatchObject({ exitCode: 2, error: { code: "VERSION_UNKNOWN" } });
  expect(await content.json(["rollback", "--to", "00000000"])).toMatchObject({
    exitCode: 2,
    error: { code: "VERSION_UNKNOWN" },
  });
  const history = await content.run(["history"]);
  expect(history.stdout).toMatch(new RegExp(`▸ +${oids[0]?.slice(0, 12)} .* served, pinned`));
  expect(await content.json(["history"])).toMatchObject({
    versions: [
      { oid: oids[2], served: false },
      { oid: oids[1], served: false },
      { oid: oids[0], served: true },
    ],
  });
  expect(await content.run(["explain"])).toMatchObject({ exitCode: 1 });
  expect((await content.run(["status"])).stdout).toMatch(/ready +handbook +main +.+ pinned/);

  expect(await content.json(["unpin"])).toMatchObject({ exitCode: 0, was: true, served: oids[2] });
  expect((await content.run(["unpin"])).stdout).toBe("main was not pinned");
  expect(await content.titles("main")).toEqual({ "pages/home.md": "Three" });
  const [event] = await content.rows<{ reason: string }>(
    `select message ->> 'reason' as reason from headstart_materializer.events
     where type = 'branch-pinned' order by number limit 1`,
  );
  expect(event?.reason).toBe("wrong prices");

  await content.run(["rebuild"]);
  await content.run(["sync"]);
  expect(await content.json(["rollback"])).toMatchObject({ exitCode: 0, from: oids[2], to: oids[1] });
});

test("a paused repository is not synced until it is resumed", async () => {
  await using content = await branchProject();
  await content.commit("main", { "pages/home.md": page("Home") });
  await content.run(["sync"]);
  expect(await content.json(["pause", "handbook"])).toMatchObject({ exitCode: 0, paused: true });
  const sync = await content.run(["sync"]);
  expect(sync.exitCode).toBe(1);
  expect(sync.stderr).toContain("headstart materialize resume handbook");
  expect((await content.run(["status"])).stdout).toContain("paused since");
  expect(await content.json(["resume", "handbook"])).toMatchObject({ exitCode: 0, paused: false });
  expect(await content.run(["sync"])).toMatchObject({ exitCode: 0 });
});

test("redrive makes what failed due again", async () => {
  await using content = await branchProject();
  await content.commit("main", { "pages/home.md": page("Home") });
  await content.run(["sync"]);
  expect((await content.run(["redrive"])).stdout).toBe("nothing had failed");
  // As a branch whose every builder died is left.
  await content.rows(
    `with repository as (
       update headstart_materializer.repositories set last_seq = last_seq + 1 returning last_seq
     )
     update headstart_materializer.branches set desired_seq = last_seq, dirty = true, parked_at = now(),
       error_code = 'BUILD_CRASHED', error_message = 'it died', error_oid = desired_oid, error_at = now()
     from repository`,
  );
  expect(await content.json(["status"])).toMatchObject({ exitCode: 1, branches: [{ status: "parked" }] });
  const text = await content.run(["redrive", "handbook", "main"]);
  expect(text.stdout).toBe("1 branch is due again");
  expect(text.stderr).toContain("no worker is alive");
  expect(await content.run(["sync"])).toMatchObject({ exitCode: 0 });
  expect(await content.json(["status"])).toMatchObject({ exitCode: 0, healthy: true });
});

test("deletions that look like a lost disk wait for confirm-deletions", async () => {
  await using content = await branchProject();
  await content.commit("main", { "pages/home.md": page("Home") });
  for (const name of ["a", "b", "c", "d"]) await content.git("branch", `drafts/${name}`, "main");
  await content.run(["sync"]);
  for (const name of ["a", "b", "c"]) await content.git("branch", "-D", `drafts/${name}`);
  const held = await content.run(["sync"]);
  expect(held.exitCode).toBe(1);
  expect(held.stdout).toContain("deletions are held back: 3 of 5 branches");
  expect((await content.run(["status"])).stdout).toContain("held back: 3 of 5");
  expect(await content.json(["confirm-deletions"])).toMatchObject({ exitCode: 0, confirmed: true });
  expect((await content.run(["status"])).stdout).not.toContain("held back");
  expect(await content.json(["sync"])).toMatchObject({ exitCode: 0, current: true, counts: { ready: 2 } });
  expect((await content.run(["confirm-deletions"])).stdout).toBe("no deletion was held back");
});

test("status lists what is asked for, and says that there is more", async () => {
  await using content = await branchProject();
  await content.commit("main", { "pages/home.md": page("Home") });
  await content.run(["sync"]);
  await content.rows(
    `insert into headstart_materializer.branches (repository_id, ref, class, desired_seq, dirty, error_code, parked_at)
     select id, 'refs/heads/drafts/' || n, 'draft', n, n % 4 < 2, case n % 4 when 2 then 'CONTENT_INVALID' end,
            case n % 4 when 1 then now() end
     from headstart_materializer.repositories, generate_series(1, 4000) n`,
  );
  const text = await content.run(["status"]);
  expect(text.exitCode).toBe(1);
  expect(text.stdout).toContain("4,001 branches: 1,000 pending, 1,001 ready, 1,000 error, 1,000 parked");
  expect(text.stdout.split("\n")).toHaveLength(3 + 20);
  expect(text.stderr).toContain("… and more");
  interface Listed {
    readonly more: boolean;
    readonly branches: { branch: string; status: string }[];
  }
  const failed = await content.json<Listed>(["status", "--failed", "--limit", "2500"]);
  expect(new Set(failed.branches.map(({ status }) => status))).toEqual(new Set(["parked", "error"]));
  expect(failed).toMatchObject({ more: false, branches: { length: 2000 } });
  const some = await content.json<Listed>([
    "status",
    "handbook",
    "drafts/399*",
    "--state",
    "pending",
    "ready",
  ]);
  // Numbers that leave 0 are pending, those that leave 3 ready.
  expect(some.branches.map(({ branch }) => branch).toSorted()).toEqual(
    [399, 3991, 3992, 3995, 3996, 3999].map((n) => `drafts/${n}`),
  );
});
