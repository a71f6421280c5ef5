import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EmbeddedServer, startEmbeddedServer } from "@headstart/pg-snapshot";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { fullFold, sorted } from "../support/full-fold.ts";
import { amounts, story, totals } from "../support/projections.ts";

/** A server of its own: it crashes, and its other databases would notice. */
describe("P6: a server that crashes and recovers", () => {
  let directory: string;
  let server: EmbeddedServer;
  let pool: pg.Pool;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "headstart-server-"));
    await chmod(directory, 0o755);
    server = await startEmbeddedServer({ directory });
    pool = new pg.Pool({ connectionString: server.url, max: 10 });
    pool.on("error", () => undefined);
  });
  afterAll(async () => {
    await pool.end();
    await server.leave();
    await rm(directory, { recursive: true, force: true });
  });

  /** The death of one session without a word makes the server end all others and recover. */
  async function crash(): Promise<void> {
    const client = new pg.Client({ connectionString: server.url });
    client.on("error", () => undefined);
    await client.connect();
    const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
    const gone = new Promise<void>((resolve) => client.once("end", () => resolve()));
    process.kill(rows[0]?.pid ?? 0, "SIGKILL");
    await gone;
  }

  async function recovered(): Promise<void> {
    await expect
      .poll(
        () =>
          pool.query("select 1").then(
            () => true,
            () => false,
          ),
        { timeout: 30_000 },
      )
      .toBe(true);
  }

  it.each(["boot", "catch up", "rebuild"])(
    "in the middle of a %s costs that one, and nothing that was written",
    async (work) => {
      const projections = [totals(), story()];
      const bootstrap = createBootstrap({ pool, projections, page: { rows: 2 } });
      await bootstrap.append("a", amounts(1, 2, 3, 4, 5));
      if (work !== "boot") await bootstrap.boot();
      await bootstrap.append("b", amounts(1, 2, 3, 4, 5));
      if (work === "boot") for (const { name } of projections) await bootstrap.retire(name);
      let crashed: Promise<void> | undefined;
      const meddle = (): void => {
        crashed ??= crash();
      };
      const doing =
        work === "boot"
          ? bootstrap.boot({ onProgress: meddle })
          : work === "rebuild"
            ? bootstrap.rebuild("totals", { onProgress: meddle })
            : Promise.all([bootstrap.catchUp(), Promise.resolve(meddle())]);
      await doing.then(
        () => undefined,
        () => undefined,
      );
      meddle();
      await crashed;
      await recovered();
      const { model, kind } = await bootstrap.boot();
      expect(kind).toBe("complete");
      for (const projection of projections) {
        expect(sorted(model.entries<unknown>(projection))).toEqual(sorted(await fullFold(pool, projection)));
      }
      await bootstrap.catchUp();
      for (const { name } of projections) expect(await bootstrap.verify(name)).toMatchObject({ equal: true });
    },
  );

  it("is survived by whoever follows, who says that it was away", async () => {
    const sums = totals();
    const bootstrap = createBootstrap({ pool, projections: [sums] });
    const booted = await bootstrap.boot();
    const errors: unknown[] = [];
    await using following = bootstrap.follow(booted, { pollMs: 20, onError: (error) => errors.push(error) });
    await following.poll();
    await crash();
    await recovered();
    // The pool may still hold connections that it does not know the death of; each fails one append.
    await expect
      .poll(() =>
        bootstrap.append("c", amounts(9), { expectedVersion: 0 }).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    await expect.poll(() => booted.model.get(sums, "c")).toEqual({ count: 1, sum: 9 });
    await expect.poll(() => following.health.listening && following.health.healthy).toBe(true);
  });
});
