import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EmbeddedServer, startEmbeddedServer } from "@headstart/pg-snapshot";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bootstrap, createBootstrap } from "../../src/create-bootstrap.ts";
import { fullFold, sorted } from "../support/full-fold.ts";
import { amounts, story, totals } from "../support/projections.ts";
import { phases } from "./phases.ts";

const works = {
  "first boot": (bootstrap: Bootstrap) => bootstrap.boot(),
  boot: (bootstrap: Bootstrap) => bootstrap.boot(),
  "catch up": (bootstrap: Bootstrap) => bootstrap.catchUp(),
  rebuild: (bootstrap: Bootstrap) => bootstrap.rebuild("totals"),
};

const cases: [keyof typeof works, string][] = [
  ["first boot", "opening a version"],
  ["first boot", "writing rows"],
  ["first boot", "swapping versions"],
  ["boot", "looking at the tables"],
  ["boot", "loading rows"],
  ["boot", "reading events"],
  ["catch up", "taking the lease"],
  ["catch up", "writing rows"],
  ["catch up", "moving the checkpoint"],
  ["catch up", "giving back the lease"],
  ["rebuild", "making its table"],
  ["rebuild", "reading events"],
  ["rebuild", "moving the checkpoint"],
  ["rebuild", "swapping versions"],
];

/** Connections that take the whole server down instead of sending the first statement that matches. */
function fatalClient(pattern: RegExp): typeof pg.Client {
  let over = false;
  class FatalClient extends pg.Client {}
  const prototype = FatalClient.prototype as unknown as { query: (...given: unknown[]) => unknown };
  const { query } = prototype;
  prototype.query = function (this: { processID: number }, ...given: unknown[]) {
    const text = typeof given[0] === "string" ? given[0] : (given[0] as { text?: string }).text;
    if (!over && pattern.test(text ?? "")) {
      over = true;
      process.kill(this.processID, "SIGKILL");
    }
    return query.apply(this, given);
  };
  return FatalClient;
}

function openPool(connectionString: string, Client: typeof pg.Client = pg.Client): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: 10, Client });
  pool.on("error", () => undefined);
  return pool;
}

/** A server of its own: it crashes, and its other databases would notice. */
describe("P6: a server that crashes and recovers", () => {
  let directory: string;
  let server: EmbeddedServer;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "headstart-server-"));
    await chmod(directory, 0o755);
    server = await startEmbeddedServer({ directory });
  });
  afterAll(async () => {
    await server.leave();
    await rm(directory, { recursive: true, force: true });
  });

  /** Resolves once the server ends everybody's sessions, from when on it lets nobody in until it has recovered. */
  async function crashing(): Promise<{ readonly crashed: Promise<void> }> {
    const canary = new pg.Client({ connectionString: server.url });
    canary.on("error", () => undefined);
    await canary.connect();
    return { crashed: new Promise((resolve) => canary.once("end", () => resolve())) };
  }

  /** The death of one session without a word makes the server end all others and recover. */
  async function crash(pool: pg.Pool): Promise<void> {
    const { crashed } = await crashing();
    const { rows } = await pool.query<{ pid: number }>("select pg_backend_pid() as pid");
    process.kill(rows[0]?.pid ?? 0, "SIGKILL");
    await crashed;
  }

  /** Asked by a connection of its own: one from before may still answer, and be ended afterwards. */
  async function isUp(): Promise<boolean> {
    const client = new pg.Client({ connectionString: server.url });
    client.on("error", () => undefined);
    return await client.connect().then(
      () => client.end().then(() => true),
      () => false,
    );
  }

  async function recovered(): Promise<void> {
    await expect.poll(isUp, { timeout: 30_000 }).toBe(true);
  }

  it.each(cases)("in a %s, %s: costs that one, and nothing that was written", async (work, phase) => {
    const [projections, page] = [[totals(), story()], { rows: 2 }];
    const before = openPool(server.url);
    const prepared = createBootstrap({ pool: before, projections, page });
    await prepared.append("a", amounts(1, 2, 3, 4, 5));
    await prepared.boot();
    await prepared.append("b", amounts(1, 2, 3, 4, 5));
    // As if it were the first one, so that it has rows to build.
    if (work === "first boot") for (const { name } of projections) await prepared.retire(name);
    await before.end();
    const { crashed } = await crashing();
    const doomed = openPool(server.url, fatalClient(phases[phase]!.pattern));
    await expect(works[work](createBootstrap({ pool: doomed, projections, page }))).rejects.toThrow();
    await crashed;
    await doomed.end();
    await recovered();
    const pool = openPool(server.url);
    const bootstrap = createBootstrap({ pool, projections, page });
    const { model, kind } = await bootstrap.boot();
    expect(kind).toBe("complete");
    for (const projection of projections) {
      expect(sorted(model.entries<unknown>(projection))).toEqual(sorted(await fullFold(pool, projection)));
    }
    expect((await bootstrap.catchUp()).projections.map(({ outcome }) => outcome)).toEqual([
      "advanced",
      "advanced",
    ]);
    for (const { name } of projections) expect(await bootstrap.verify(name)).toMatchObject({ equal: true });
    await pool.end();
  });

  it("is survived by whoever follows, who says that it was away", async () => {
    const sums = totals();
    const pool = openPool(server.url);
    const bootstrap = createBootstrap({ pool, projections: [sums] });
    const booted = await bootstrap.boot();
    const errors: unknown[] = [];
    await using following = bootstrap.follow(booted, { pollMs: 20, onError: (error) => errors.push(error) });
    await following.poll();
    await crash(pool);
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
    await following.close();
    await pool.end();
  });
});
