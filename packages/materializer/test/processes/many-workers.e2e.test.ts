import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { note, openProject, type Project } from "../support/open-project.ts";
import { startWorker } from "./start-worker.ts";

const branchCount = 500;
const leaseMs = 4_000;

test("eight processes share 500 branches, and the branches of three that are killed are taken over", async () => {
  await using project = await openProject();
  const { upstream, db } = project;
  await upstream.commit("main", { "notes/a/x.json": note("x"), "notes/b/y.json": note("y") });
  const tip = (await upstream.tip("main")) ?? "";
  await recordClaims(project);
  const root = await mkdtemp(join(tmpdir(), "headstart-mirrors-"));
  const config = { databaseUrl: project.databaseUrl, mirrors: root, leaseMs, concurrency: 2 };
  const workers = await Promise.all(Array.from({ length: 8 }, async () => await startWorker(config)));
  const created = Array.from({ length: branchCount }, (_, n) => `create refs/heads/drafts/${n} ${tip}\n`);
  await upstream.git(["update-ref", "--stdin"], created.join(""));
  for (let n = 0; n < branchCount; n += 25)
    await upstream.commit(`drafts/${n}`, { "notes/a/x.json": note(`draft ${n}`) });
  await project.materializer.hint({ repository: "handbook" });
  await expect
    .poll(async () => await count(project, "true"), { timeout: 60_000, interval: 20 })
    .toBeGreaterThan(50);
  const victims = workers.slice(0, 3);
  await Promise.all(victims.map(async (worker) => await worker.kill("SIGKILL")));
  // What they had sent before is done by then, or never.
  const sessions = victims.map((worker) => `worker ${worker.pid}`);
  const alive = async (): Promise<number | null> =>
    (await db.query("select from pg_stat_activity where application_name = any($1)", [sessions])).rowCount;
  await expect.poll(alive, { timeout: 30_000, interval: 20 }).toBe(0);
  const { rows: orphans } = await db.query<{ ref: string }>(
    `select ref from headstart_materializer.branches
     where lease_token is not null and split_part(lease_owner, ':', 2)::int = any($1)`,
    [victims.map((worker) => worker.pid)],
  );
  const wanted = await upstream.refs();
  const settled = async (): Promise<boolean> => isDeepStrictEqual(await servedCommits(project), wanted);
  await project.materializer.hint({ repository: "handbook" });
  await expect.poll(settled, { timeout: 90_000, interval: 200 }).toBe(true);
  const { rows: claims } = await db.query<{ ref: string; waited: number }>(
    `select ref, extract(epoch from taken_at - lease_until)::float8 * 1000 as waited
     from headstart_materializer.observed_takeovers`,
  );
  for (const { ref, waited } of claims)
    expect(waited, `two builds of ${ref} at once`).toBeGreaterThanOrEqual(0);
  expect(claims.map(({ ref }) => ref)).toEqual(expect.arrayContaining(orphans.map(({ ref }) => ref)));
  const late = claims.filter(({ waited }) => waited > leaseMs);
  expect(late, "taken over soon after the lease ran out, before what came later").toEqual([]);
  const codes = await Promise.all(workers.slice(3).map(async (worker) => await worker.kill("SIGTERM")));
  expect(codes).toEqual([0, 0, 0, 0, 0]);
  expect(await count(project, "b.lease_token is not null")).toBe(0);
  expect(await gitChildren(root)).toEqual([]);
  for (const name of ["main", "drafts/0", "drafts/475", "drafts/499"]) {
    expect(await project.materializer.verify({ repository: "handbook", branch: name })).toMatchObject({
      current: true,
      differences: [],
    });
  }
  await rm(root, { recursive: true, force: true });
});

/** Writes down, in the database itself, every claim of a branch that somebody else still had a lease on. */
async function recordClaims({ db }: Project): Promise<void> {
  await db.query(
    `create table headstart_materializer.observed_takeovers (ref text, lease_until timestamptz, taken_at timestamptz)`,
  );
  await db.query(`create function headstart_materializer.observe_takeover() returns trigger language plpgsql as $$
    begin
      insert into headstart_materializer.observed_takeovers values (old.ref, old.lease_until, clock_timestamp());
      return new;
    end $$`);
  await db.query(`create trigger observe_takeover after update on headstart_materializer.branches
    for each row when (old.lease_token is not null and new.lease_token is not null and old.lease_token <> new.lease_token)
    execute function headstart_materializer.observe_takeover()`);
}

/** What is served of each branch that is at rest. */
async function servedCommits({ db }: Project): Promise<Map<string, string>> {
  const { rows } = await db.query<{ ref: string; oid: string }>(
    `select b.ref, encode(v.oid, 'hex') as oid from headstart_materializer.branches b
     join headstart_materializer.versions v on v.id = b.served_version
     where not b.dirty and b.lease_token is null`,
  );
  return new Map(rows.map(({ ref, oid }) => [ref, oid]));
}

async function count({ db }: Project, condition: string): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `select count(*)::int as n from headstart_materializer.branches b where ${condition}`,
  );
  return rows[0]?.n ?? 0;
}

/** Processes of git that still work on these mirrors. */
async function gitChildren(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const [command, directory] = await Promise.all([
      readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""),
      readFile(`/proc/${pid}/environ`, "utf8").catch(() => ""),
    ]);
    if (command.startsWith("git") && (command.includes(root) || directory.includes(root)))
      found.push(command);
  }
  return found;
}
