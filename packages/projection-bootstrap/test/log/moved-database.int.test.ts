import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { directoryStore, prepare, startEmbeddedServer } from "@headstart/pg-snapshot";
import pg from "pg";
import { expect, inject, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { restamp } from "../../src/log/restamp.ts";
import { comparePositions } from "../../src/position.ts";
import { fullFold, sorted } from "../support/full-fold.ts";
import { amounts, story, totals } from "../support/projections.ts";

const projections = [totals(), story(), totals({ name: "inline", identity: "inline 1", mode: "inline" })];

/** Fills a database the way an application would: rows that are behind the log, and inline ones that are not. */
async function build({ url }: { url: string }): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 8 });
  const bootstrap = createBootstrap({ pool, projections });
  await bootstrap.append("a", amounts(1, 2));
  await bootstrap.boot();
  await bootstrap.append("b", amounts(3, 4));
  await pool.end();
}

it("a database that pg-snapshot restored on another server boots once it was stamped", async () => {
  const folder = await mkdtemp(join(tmpdir(), "headstart-moved-"));
  await chmod(folder, 0o755);
  const target = {
    name: "moved",
    fingerprint: () => Promise.resolve({ digest: "1".repeat(64), manifest: "" }),
    build,
    stores: [directoryStore(join(folder, "snapshots"), { writable: true })],
  };
  await using there = await startEmbeddedServer({ directory: join(folder, "server") });
  try {
    const built = await prepare(target, { server: inject("serverUrl"), save: "always" });
    await built[Symbol.asyncDispose]();
    const restored = await prepare(target, { server: there.url });
    expect(restored.tier).toBe("snapshot");
    const clone = await restored.template.clone();
    const pool = new pg.Pool({ connectionString: clone.url, max: 8 });
    try {
      const bootstrap = createBootstrap({ pool, projections });
      await expect(bootstrap.boot()).rejects.toMatchObject({
        code: "FOREIGN_CLUSTER",
        hint: expect.stringContaining("restamp") as string,
      });
      expect(await restamp(pool, "restored for a test")).toBe(2);
      const { model, report } = await bootstrap.boot();
      expect(report.reads.tail.rows).toBe(2);
      for (const projection of projections) {
        expect(sorted(model.entries<unknown>(projection))).toEqual(sorted(await fullFold(pool, projection)));
      }
      const { events } = await bootstrap.append("a", amounts(5));
      expect(comparePositions(events[0]!.position, model.position)).toBeGreaterThan(0);
      await bootstrap.catchUp();
      for (const { name } of projections) expect(await bootstrap.verify(name)).toMatchObject({ equal: true });
    } finally {
      await pool.end();
      await clone.drop();
      await restored[Symbol.asyncDispose]();
    }
  } finally {
    await there.leave();
    await rm(folder, { recursive: true, force: true });
  }
});
