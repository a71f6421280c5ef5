import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { gitHttpServer } from "../support/git/git-http-server.ts";
import { scratchRepository } from "../support/git/scratch-repository.ts";
import { note, openProject, type Project } from "../support/open-project.ts";
import { startWorker, type WorkerProcess } from "./start-worker.ts";

const leaseMs = 4_000;

test("eight processes share 500 branches, and the branches of three that are killed are taken over", async () => {
  await using project = await openProject();
  const { upstream, db } = project;
  // A hundred of them are behind a server, so that all the processes talk to both kinds of remote.
  await using behind = await scratchRepository();
  await using server = await gitHttpServer(dirname(behind.directory));
  const url = `${server.url}/${basename(behind.directory)}`;
  await project.materializer.register({ name: "behind-a-server", url, projector: "notes" });
  const remotes = [
    ["handbook", upstream, 400],
    ["behind-a-server", behind, 100],
  ] as const;
  for (const [, remote] of remotes)
    await remote.commit("main", { "notes/a/x.json": note("x"), "notes/b/y.json": note("y") });
  await recordClaims(project);
  const root = await mkdtemp(join(tmpdir(), "headstart-mirrors-"));
  const config = { databaseUrl: project.databaseUrl, mirrors: root, leaseMs, concurrency: 2 };
  const workers = await Promise.all(Array.from({ length: 8 }, async () => await startWorker(config)));
  for (const [, remote, branches] of remotes) {
    const tip = (await remote.tip("main")) ?? "";
    const created = Array.from({ length: branches }, (_, n) => `create refs/heads/drafts/${n} ${tip}\n`);
    await remote.git(["update-ref", "--stdin"], created.join(""));
    for (let n = 0; n < branches; n += 25)
      await remote.commit(`drafts/${n}`, { "notes/a/x.json": note(`draft ${n}`) });
  }
  const hints = remotes.map(([repository]) => ({ repository }));
  await project.materializer.hint(...hints);
  const victims = workers.slice(0, 3);
  const orphans: string[] = [];
  for (const victim of victims) orphans.push(...(await killAtWork(project, victim)));
  const wanted = new Map<string, string>();
  for (const [repository, remote] of remotes)
    for (const [ref, oid] of await remote.refs()) wanted.set(`${repository} ${ref}`, oid);
  const settled = async (): Promise<boolean> => isDeepStrictEqual(await servedCommits(project), wanted);
  await project.materializer.hint(...hints);
  await expect.poll(settled, { timeout: 90_000, interval: 200 }).toBe(true);
  const { rows: claims } = await db.query<{ id: string; ref: string; waited: number }>(
    `select id::text, ref, extract(epoch from taken_at - lease_until)::float8 * 1000 as waited
     from headstart_materializer.observed_takeovers`,
  );
  for (const { ref, waited } of claims)
    expect(waited, `two builds of ${ref} at once`).toBeGreaterThanOrEqual(0);
  expect(claims.map(({ id }) => id)).toEqual(expect.arrayContaining(orphans));
  const late = claims.filter(({ waited }) => waited > leaseMs);
  expect(late, "taken over soon after the lease ran out, before what came later").toEqual([]);
  const codes = await Promise.all(workers.slice(3).map(async (worker) => await worker.kill("SIGTERM")));
  expect(codes).toEqual([0, 0, 0, 0, 0]);
  expect(await count(project, "b.lease_token is not null")).toBe(0);
  expect(await gitChildren(root)).toEqual([]);
  for (const [repository, , branches] of remotes) {
    for (const branch of ["main", "drafts/0", `drafts/${branches - 25}`, `drafts/${branches - 1}`]) {
      const proof = await project.materializer.verify({ repository, branch });
      expect(proof).toMatchObject({ current: true, differences: [] });
    }
  }
  await rm(root, { recursive: true, force: true });
});

/** Writes down, in the database itself, every claim of a branch that somebody else still had a lease on. */
async function recordClaims({ db }: Project): Promise<void> {
  await db.query(
    `create table headstart_materializer.observed_takeovers (id bigint, ref text, lease_until timestamptz, taken_at timestamptz)`,
  );
  await db.query(`create function headstart_materializer.observe_takeover() returns trigger language plpgsql as $$
    begin
      insert into headstart_materializer.observed_takeovers values (old.id, old.ref, old.lease_until, clock_timestamp());
      return new;
    end $$`);
  await db.query(`create trigger observe_takeover after update on headstart_materializer.branches
    for each row when (old.lease_token is not null and new.lease_token is not null and old.lease_token <> new.lease_token)
    execute function headstart_materializer.observe_takeover()`);
}

/**
 * Kills a worker that holds a lease. It is stopped first, and once the server has done what it had sent its leases are
 * what they will be when it is dead; one that holds none goes on and is tried again.
 *
 * @returns the branches that it held.
 */
async function killAtWork({ db }: Project, victim: WorkerProcess): Promise<string[]> {
  const busy = async (): Promise<number | null> => {
    const { rowCount } = await db.query(
      "select from pg_stat_activity where application_name = $1 and state = 'active'",
      [`worker ${victim.pid}`],
    );
    return rowCount;
  };
  let held: string[] = [];
  const holds = async (): Promise<number> => {
    process.kill(victim.pid, "SIGSTOP");
    await expect.poll(busy, { timeout: 30_000, interval: 5 }).toBe(0);
    const { rows } = await db.query<{ id: string }>(
      `select id::text from headstart_materializer.branches
       where lease_token is not null and split_part(lease_owner, ':', 2)::int = $1`,
      [victim.pid],
    );
    held = rows.map(({ id }) => id);
    if (held.length === 0) process.kill(victim.pid, "SIGCONT");
    return held.length;
  };
  await expect.poll(holds, { timeout: 60_000, interval: 20 }).toBeGreaterThan(0);
  await victim.kill("SIGKILL");
  return held;
}

/** What is served of each branch that is at rest. */
async function servedCommits({ db }: Project): Promise<Map<string, string>> {
  const { rows } = await db.query<{ ref: string; oid: string }>(
    `select r.name || ' ' || b.ref as ref, encode(v.oid, 'hex') as oid from headstart_materializer.branches b
     join headstart_materializer.repositories r on r.id = b.repository_id
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
