import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, inject, test } from "vitest";
import { databasesLike, freshDigest, query } from "../fixtures/databases.ts";
import type { ChildRequest } from "../fixtures/prepare-child.ts";
import { spawnPrepare } from "../fixtures/spawn-prepare.ts";

const server = inject("serverUrl");
const directory = mkdtempSync(join(tmpdir(), "headstart processes ä "));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function request(name: string, more: Partial<ChildRequest> = {}): ChildRequest {
  return {
    server,
    target: name,
    digest: freshDigest(),
    rows: 500,
    buildLog: join(directory, `${name}-${freshDigest().slice(0, 8)}.log`),
    ...more,
  };
}

const builds = ({ buildLog }: ChildRequest): number =>
  existsSync(buildLog) ? readFileSync(buildLog, "utf8").trim().split("\n").length : 0;

const halfMade = async (name: string): Promise<string[]> =>
  await databasesLike(server, `hs\\_b\\_%\\_${name}\\_%`);

test("S1: ten processes at once run one build and all succeed", async () => {
  const asked = request("ten");
  const processes = Array.from({ length: 10 }, () => spawnPrepare(asked));
  const results = await Promise.all(processes.map((one) => one.until("prepared")));
  expect(await Promise.all(processes.map((one) => one.ended))).toEqual(Array.from({ length: 10 }, () => 0));
  expect(builds(asked)).toBe(1);
  expect(results.filter((result) => result["tier"] === "build")).toHaveLength(1);
  expect(new Set(results.map((result) => result["template"])).size).toBe(1);
  expect(await halfMade("ten")).toEqual([]);
});

test("S2: when the builder is killed, one of those who wait finishes the work", async () => {
  const asked = request("takeover", { gate: true });
  await using builder = spawnPrepare(asked);
  await builder.until("building");
  await using waiter = spawnPrepare({ ...asked, gate: false });
  const waiting = await waiter.until((event) => event["phase"] === "wait");
  expect(waiting["detail"]).toContain("headstart prepare takeover");
  await builder.kill("SIGKILL");
  expect(await waiter.until("prepared")).toMatchObject({ tier: "build" });
  await waiter.ended;
  expect(builds(asked)).toBe(2);
  expect(await halfMade("takeover")).toEqual([]);
});

test("a process that waits sees the template as soon as it is there, and names whom it waits for", async () => {
  const asked = request("waits", { gate: true });
  await using builder = spawnPrepare(asked);
  await builder.until("building");
  await using waiter = spawnPrepare(asked);
  await waiter.until((event) => event["phase"] === "wait");
  builder.tell("go on");
  expect(await waiter.until("prepared")).toMatchObject({ tier: "template" });
  expect(await builder.until("prepared")).toMatchObject({ tier: "build" });
});

test.each(["build", "analyze", "seal", "dump"])(
  "S2: killed in phase %s, nothing half-made is served, and the next run leaves nothing behind",
  async (phase) => {
    const name = `killed_${phase}`;
    const asked = request(name, { snapshots: join(directory, name), save: "always" });
    await using victim = spawnPrepare(asked);
    await victim.until((event) => event.event === "progress" && event["phase"] === phase);
    await victim.kill("SIGKILL");

    await using next = spawnPrepare(asked);
    const prepared = await next.until("prepared");
    await next.ended;
    expect(prepared["saved"]).toMatch(/^(saved|unchanged)$/);
    expect(await halfMade(name)).toEqual([]);
    const template = String(prepared["template"]);
    const [row] = await query<{ sealed: boolean }>(
      server,
      "select datistemplate and not datallowconn as sealed from pg_database where datname = $1",
      { values: [template] },
    );
    expect(row).toEqual({ sealed: true });
  },
);

test("killed in the middle of a restore, the next run restores again", async () => {
  const asked = request("killed_restore", {
    snapshots: join(directory, "restore"),
    save: "always",
    rows: 50_000,
  });
  await using first = spawnPrepare(asked);
  await first.until("prepared");
  await first.ended;
  await using victim = spawnPrepare({ ...asked, from: "snapshot", save: "never" });
  await victim.until((event) => event.event === "progress" && event["phase"] === "restore");
  await victim.kill("SIGKILL");
  await using next = spawnPrepare({ ...asked, from: "snapshot", save: "never" });
  expect(await next.until("prepared")).toMatchObject({ tier: "snapshot" });
  await next.ended;
  expect(await halfMade("killed_restore")).toEqual([]);
  expect(builds(asked)).toBe(1);
});

test("SIGTERM in mid-build drops the half-made database before the process ends", async () => {
  const asked = request("terminated", { gate: true });
  await using builder = spawnPrepare(asked);
  await builder.until("building");
  await builder.kill("SIGTERM");
  expect(builder.events.at(-2)).toMatchObject({ event: "failed", message: "told to end by SIGTERM" });
  expect(await halfMade("terminated")).toEqual([]);
});

test.each([
  ["SIGINT", "dump"],
  ["SIGTERM", "restore"],
] as const)(
  "%s while a tool works (%s) ends the tool and removes what is half made",
  async (signal, phase) => {
    const name = `told_${signal}_${phase}`.toLowerCase();
    const snapshots = join(directory, name);
    const asked = request(name, { snapshots, save: "always", rows: 250_000 });
    if (phase === "restore") {
      await using first = spawnPrepare(asked);
      await first.until("prepared");
      await first.ended;
    }
    await using victim = spawnPrepare({ ...asked, ...(phase === "restore" && { from: "snapshot" }) });
    // The tool runs when it has named what it is at.
    const atWork = phase === "dump" ? /^"table / : /^"/;
    await victim.until(
      (event) => event["phase"] === phase && atWork.test(JSON.stringify(event["detail"] ?? null)),
    );
    await victim.kill(signal);
    expect(victim.events.at(-2)).toMatchObject({ event: "failed", message: `told to end by ${signal}` });
    expect(victim.events.at(-1)).toMatchObject({ event: "ended", code: 1, signal: null });
    expect(await halfMade(name)).toEqual([]);
    expect(readdirSync(join(snapshots, name)).filter((file) => file.startsWith(".new-"))).toEqual([]);
  },
);

test("S5: the clone of a killed process is swept by the next run, a live one's never", async () => {
  const asked = request("swept", { clone: true });
  await using victim = spawnPrepare(asked);
  const dead = String((await victim.until("cloned"))["name"]);
  await using survivor = spawnPrepare(asked);
  const alive = String((await survivor.until("cloned"))["name"]);
  await victim.kill("SIGKILL");

  await using next = spawnPrepare({ ...asked, clone: false });
  await next.until("prepared");
  await next.ended;
  expect(await databasesLike(server, "hs\\_c\\_%\\_swept\\_%")).toEqual([alive]);
  expect(alive).not.toBe(dead);
  survivor.tell("go on");
  expect(await survivor.ended).toBe(0);
  expect(await databasesLike(server, "hs\\_c\\_%\\_swept\\_%")).toEqual([]);
});

test("two processes that save at once leave one whole snapshot", async () => {
  const asked = request("savers", { snapshots: join(directory, "savers"), save: "always" });
  await using first = spawnPrepare(asked);
  await first.until("prepared");
  rmSync(join(directory, "savers"), { recursive: true });
  const processes = Array.from({ length: 4 }, () => spawnPrepare(asked));
  const results = await Promise.all(processes.map((one) => one.until("prepared")));
  await Promise.all(processes.map((one) => one.ended));
  expect(results.filter((result) => result["saved"] === "saved")).toHaveLength(1);
  await using restored = spawnPrepare({ ...asked, from: "snapshot", save: "never" });
  expect(await restored.until("prepared")).toMatchObject({ tier: "snapshot" });
});
