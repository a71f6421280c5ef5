import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedServer } from "@headstart/pg-snapshot";
import pg from "pg";
import { expect, test } from "vitest";
import { createMaterializer } from "../../src/create-materializer.ts";
import { notesProjector } from "../support/notes-projector.ts";
import { scratchRepository } from "../support/git/scratch-repository.ts";
import { note } from "../support/open-project.ts";

test("a server that dies in mid-work costs a delay: the run goes on and comes to the right state", async () => {
  const directory = await mkdtemp(join(tmpdir(), "headstart-restart-"));
  await chmod(directory, 0o755);
  await using upstream = await scratchRepository();
  const first = await startEmbeddedServer({ directory });
  const db = new pg.Pool({ connectionString: first.url, max: 6 });
  db.on("error", () => undefined);
  const root = join(directory, "mirrors");
  const materializer = createMaterializer({
    db,
    projectors: [notesProjector()],
    mirrors: { root, protocols: ["file"] },
    settings: { leaseMs: 1_000, pollMinMs: 50, pollMaxMs: 100 },
  });
  await materializer.migrate();
  await materializer.register({ name: "handbook", url: upstream.url, projector: "notes" });
  const tip = await upstream.commit("main", { "notes/a/x.json": note("0") });
  for (let n = 0; n < 40; n += 1) await upstream.branch(`drafts/${n}`, tip);
  const ending = new AbortController();
  let failures = 0;
  const running = materializer.run({ signal: ending.signal, idleMs: 20, onError: () => (failures += 1) });
  const served = async (): Promise<number> => {
    const { rows } = await db.query<{ n: number }>(
      "select count(*)::int as n from headstart_materializer.branches where served_version is not null and not dirty",
    );
    return rows[0]?.n ?? 0;
  };
  await expect.poll(served, { timeout: 60_000, interval: 10 }).toBeGreaterThan(3);
  // As an out-of-memory kill does: every session ends, the postmaster recovers by itself.
  const { rows } = await db.query<{ pid: number }>(
    "select pid from pg_stat_activity where backend_type = 'background writer'",
  );
  process.kill(rows[0]?.pid ?? 0, "SIGKILL");
  await upstream.commit("main", { "notes/a/x.json": note("after the crash") });
  const settled = async (): Promise<number> => await served().catch(() => -1);
  await expect.poll(settled, { timeout: 60_000, interval: 50 }).toBe(41);
  const text = async (): Promise<unknown> => {
    const read = await db.query<{ text: string }>(
      "select data ->> 'text' as text from headstart_materializer.branch_rows where ref = 'refs/heads/main'",
    );
    return read.rows[0]?.text;
  };
  await expect.poll(text, { timeout: 60_000, interval: 50 }).toBe("after the crash");
  expect(failures).toBeGreaterThan(0);
  ending.abort();
  await running;
  expect(await materializer.verify({ repository: "handbook", branch: "main" })).toMatchObject({
    current: true,
    differences: [],
  });
  await materializer[Symbol.asyncDispose]();
  await db.end();
  await first.leave();
  await rm(directory, { recursive: true, force: true });
});
