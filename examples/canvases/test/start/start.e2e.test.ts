import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedServer } from "@headstart/pg-snapshot";
import { execa } from "execa";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";

// A cache and a server of this file's own, and a small log: another key than that of the committed snapshot.
let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), "canvases-start-"));
  await chmod(cache, 0o755);
  await mkdir(join(cache, "no-tools"));
});
afterAll(async () => await rm(cache, { recursive: true, force: true }));

function start(args: string[] = [], variables: Record<string, string> = {}) {
  const node = ["--conditions=@headstart/source", "--import", "tsx", "start/main.ts", ...args];
  return execa("node", node, {
    cwd: join(import.meta.dirname, "../.."),
    env: { HEADSTART_CACHE: cache, CANVASES_EVENTS: "2000", ...variables },
    reject: false,
  });
}

test("builds where nothing is there yet, and prints the three tiers side by side", async () => {
  const { stdout, exitCode } = await start();
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^ {2}3 +build .* \d+(\.\d)? m?s$/m);
  expect(stdout).toMatch(/^ {2}2 +snapshot +\d\.\d MB from an earlier build, restored .* faster$/m);
  expect(stdout).toMatch(/^ {2}1 +template .* faster$/m);
  expect(stdout).toMatch(/^Whoever checks this out starts after .* instead of /m);
});

test("does not build again while a snapshot is fresh, and says that the time is a recorded one", async () => {
  const { stdout, stderr } = await start();
  expect(stdout).toMatch(/^ {2}3 +build .* recorded \d{4}-\d\d-\d\d$/m);
  expect(stderr).not.toContain("tier 3, build  build");
});

test("builds all the same with --full", async () => {
  const { stdout, stderr } = await start(["--full"]);
  expect(stdout).not.toContain("recorded");
  expect(stderr).toContain("tier 3, build  build");
});

test("ends well without client tools, and says what to install", async () => {
  const { stdout, exitCode } = await start([], {
    HEADSTART_PG_TOOLS: join(cache, "no-tools"),
    CANVASES_EVENTS: "1500",
  });
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^ {2}2 +snapshot +not possible here/m);
  expect(stdout).toMatch(/^ {2}1 +template .* faster$/m);
  expect(stdout).toContain("there is no working pg_restore");
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("stops at %s, and leaves nothing half-made", async (signal, exitCode) => {
  const running = start(["--full"]);
  for await (const line of running.iterable({ from: "stderr" })) {
    if (line.includes("tier 3, build  build")) running.kill(signal);
  }
  const result = await running;
  expect(result.exitCode).toBe(exitCode);
  expect(result.stderr).toContain("nothing half-made is left behind");
  await using server = await startEmbeddedServer({ directory: join(cache, "postgres") });
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  const { rows } = await client.query("select datname from pg_database where datname like 'hs\\_b\\_%'");
  await client.end();
  expect(rows).toEqual([]);
});

test("refuses a command line that it does not understand", async () => {
  const { stderr, exitCode } = await start(["--ful"]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain("usage:");
});
