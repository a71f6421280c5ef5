import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { startEmbeddedServer } from "@headstart/pg-snapshot";
import pg from "pg";
import { expect, test } from "vitest";
import { createMaterializer } from "../../src/create-materializer.ts";
import { gitHttpServer } from "../support/git/git-http-server.ts";
import { scratchRepository } from "../support/git/scratch-repository.ts";
import { notesProjector } from "../support/notes-projector.ts";
import { note } from "../support/open-project.ts";

test("a server that dies in mid-work costs a delay: the run goes on and comes to the right state", async () => {
  const directory = await mkdtemp(join(tmpdir(), "headstart-restart-"));
  await chmod(directory, 0o755);
  await using upstream = await scratchRepository();
  await using server = await gitHttpServer(dirname(upstream.directory));
  const first = await startEmbeddedServer({ directory });
  const db = new pg.Pool({ connectionString: first.url, max: 6 });
  db.on("error", () => undefined);
  const root = join(directory, "mirrors");
  const materializer = createMaterializer({
    db,
    projectors: [notesProjector()],
    mirrors: { root, protocols: ["file", "http"] },
    settings: { leaseMs: 1_000, pollMinMs: 50, pollMaxMs: 100 },
  });
  await materializer.migrate();
  const served = `${server.url}/${basename(upstream.directory)}`;
  await materializer.register({ name: "handbook", url: upstream.url, projector: "notes" });
  await materializer.register({ name: "over-http", url: served, projector: "notes" });
  const tip = await upstream.commit("main", { "notes/a/x.json": note("0") });
  for (let n = 0; n < 40; n += 1) await upstream.branch(`drafts/${n}`, tip);
  const ending = new AbortController();
  let failures = 0;
  const running = materializer.run({ signal: ending.signal, idleMs: 20, onError: () => (failures += 1) });
  const atRest = async (): Promise<number> => {
    const { rows } = await db.query<{ n: number }>(
      "select count(*)::int as n from headstart_materializer.branches where served_version is not null and not dirty",
    );
    return rows[0]?.n ?? 0;
  };
  await expect.poll(atRest, { timeout: 60_000, interval: 10 }).toBeGreaterThan(3);
  // As an out-of-memory kill does: every session ends, the postmaster recovers by itself.
  const { rows } = await db.query<{ pid: number }>(
    "select pid from pg_stat_activity where backend_type = 'background writer'",
  );
  process.kill(rows[0]?.pid ?? 0, "SIGKILL");
  await upstream.commit("main", { "notes/a/x.json": note("after the crash") });
  const settled = async (): Promise<number> => await atRest().catch(() => -1);
  await expect.poll(settled, { timeout: 60_000, interval: 50 }).toBe(2 * 41);
  const texts = async (): Promise<unknown> => {
    const read = await db.query<{ text: string }>(
      "select data ->> 'text' as text from headstart_materializer.branch_rows where ref = 'refs/heads/main'",
    );
    return read.rows.map(({ text }) => text);
  };
  await expect.poll(texts, { timeout: 60_000, interval: 50 }).toEqual(["after the crash", "after the crash"]);
  expect(failures).toBeGreaterThan(0);
  ending.abort();
  await running;
  for (const repository of ["handbook", "over-http"]) {
    const proof = await materializer.verify({ repository, branch: "main" });
    expect(proof).toMatchObject({ current: true, differences: [] });
  }
  await materializer[Symbol.asyncDispose]();
  await db.end();
  await first.leave();
  await rm(directory, { recursive: true, force: true });
});
