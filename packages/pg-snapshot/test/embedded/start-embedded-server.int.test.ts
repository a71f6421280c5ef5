import { chmod, mkdir, readdir, readFile, stat } from "node:fs/promises";
import { connect as connectSocket } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { embeddedServerStatus, stopEmbeddedServer } from "../../src/embedded/embedded-server-status.ts";
import { listPostgres } from "../../src/embedded/find-postgres.ts";
import { accessSettings, throwawaySettings } from "../../src/embedded/server-settings.ts";
import { startEmbeddedServer } from "../../src/embedded/start-embedded-server.ts";
import type { Progress } from "../../src/progress.ts";
import { connect } from "../../src/server/connect.ts";
import { resolveConnection } from "../../src/server/connection-settings.ts";
import { ask, processesNaming, serverDirectory } from "./server-directory.ts";

afterEach(() => vi.unstubAllEnvs());

const installations = await listPostgres();

test.each(installations)("starts Postgres $version, tuned as it says", async ({ directory, version }) => {
  await using place = await serverDirectory();
  await using server = await startEmbeddedServer({ directory: place.path, binaries: directory });
  expect(server.version).toBe(version);
  for (const [name, value] of Object.entries({ ...throwawaySettings, ...accessSettings })) {
    const [row] = await ask<Record<string, string>>(server.url, `show ${name}`);
    expect(row, name).toEqual({ [name]: value });
  }
});

test.each(installations)(
  "text of any language sorts and folds in Postgres $version",
  async ({ directory }) => {
    await using place = await serverDirectory();
    await using server = await startEmbeddedServer({ directory: place.path, binaries: directory });
    const [row] = await ask(
      server.url,
      `select lower('ÄÉЖ') as folded, 'Z' < 'a' as by_code_point, current_setting('lc_messages') as messages,
              (select datctype from pg_database where datname = current_database()) as letters`,
    );
    const letters = process.platform === "darwin" ? "UTF-8" : "C.UTF-8";
    expect(row).toEqual({ folded: "äéж", by_code_point: true, messages: "C", letters });
  },
);

test("who does not know the password does not get in, and nobody else can read it", async () => {
  await using place = await serverDirectory();
  await using server = await startEmbeddedServer({ directory: place.path });
  for (const password of ["", "postgres"]) {
    const url = new URL(server.url);
    url.password = password;
    await expect(ask(url.href, "select 1")).rejects.toThrow(/password/);
  }
  const { password } = new URL(server.url);
  expect(password).toMatch(/^[\w-]{24}$/);
  const secret = join(server.dataDirectory, "headstart-password");
  expect((await readFile(secret, "utf8")).trim()).toBe(password);
  expect((await stat(secret)).mode & 0o777).toBe(0o600);
  expect((await stat(server.dataDirectory)).mode & 0o777).toBe(0o700);
  expect((await stat(server.logFile)).mode & 0o777).toBe(0o600);
});

test("a PGSSLMODE that is meant for another server does not matter to this one", async () => {
  await using place = await serverDirectory();
  vi.stubEnv("PGSSLMODE", "require");
  await using server = await startEmbeddedServer({ directory: place.path });
  await using session = await connect(resolveConnection(server.url));
  expect((await session.query("select 1")).rows).toHaveLength(1);
});

test("the server is not to be reached from the network", async () => {
  await using place = await serverDirectory();
  await using server = await startEmbeddedServer({ directory: place.path });
  const outward = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === "IPv4");
  for (const { address } of outward) {
    const outcome = await new Promise((resolve) => {
      const socket = connectSocket(server.port, address);
      socket.once("connect", () => resolve("connected")).once("error", () => resolve("refused"));
      socket.once("close", () => socket.destroy());
    });
    expect(outcome, address).toBe("refused");
  }
});

test("databases survive a stop", async () => {
  await using place = await serverDirectory();
  await using first = await startEmbeddedServer({ directory: place.path });
  await ask(first.url, "create database kept");
  await first.leave();
  expect(await embeddedServerStatus(place.path)).toEqual({ running: false, directory: place.path });
  await using second = await startEmbeddedServer({ directory: place.path });
  expect(await ask(second.url, "select 1 from pg_database where datname = 'kept'")).toHaveLength(1);
});

test("works in a path with spaces, quotes and letters beyond ASCII", async () => {
  await using place = await serverDirectory("mein Übungs-Ordner 'ж' \"q\"");
  await using server = await startEmbeddedServer({ directory: place.path });
  await expect(ask(server.url, "select 1")).resolves.toHaveLength(1);
  expect(server.dataDirectory.startsWith(place.path)).toBe(true);
});

test("another version and other settings are another server with data of its own", async () => {
  await using place = await serverDirectory();
  const servers = [];
  try {
    for (const { directory } of installations) {
      servers.push(await startEmbeddedServer({ directory: place.path, binaries: directory }));
    }
    servers.push(
      await startEmbeddedServer({ directory: place.path, settings: { work_mem: "9MB", jit: "on" } }),
    );
    expect(new Set(servers.map(({ port }) => port)).size).toBe(installations.length + 1);
    expect(new Set(servers.map(({ dataDirectory }) => dataDirectory)).size).toBe(servers.length);
    const other = servers.at(-1)?.url ?? "";
    expect(await ask(other, "show work_mem")).toEqual([{ work_mem: "9MB" }]);
    expect(await ask(other, "show jit")).toEqual([{ jit: "on" }]);
  } finally {
    await stopEmbeddedServer(place.path);
  }
  for (const server of servers) await server.leave();
  expect((await embeddedServerStatus(place.path)).running).toBe(false);
});

test("a caller cannot open the server to the network by its settings", async () => {
  await using place = await serverDirectory();
  const settings = { listen_addresses: "*", unix_socket_directories: "/tmp" };
  await using server = await startEmbeddedServer({ directory: place.path, settings });
  expect(await ask(server.url, "show listen_addresses")).toEqual([{ listen_addresses: "127.0.0.1" }]);
  expect(await ask(server.url, "show unix_socket_directories")).toEqual([{ unix_socket_directories: "" }]);
});

test("two that start at once in one process share one server, and the last that leaves stops it", async () => {
  await using place = await serverDirectory();
  const [first, second] = await Promise.all([
    startEmbeddedServer({ directory: place.path }),
    startEmbeddedServer({ directory: place.path }),
  ]);
  expect(second.url).toBe(first.url);
  await first.leave();
  await first.leave();
  await expect(ask(second.url, "select 1")).resolves.toHaveLength(1);
  await second.leave();
  await expect(ask(second.url, "select 1")).rejects.toThrow(/ECONNREFUSED/);
});

test("a start is told where something starts, and not where a server runs already", async () => {
  await using place = await serverDirectory();
  const phases: string[] = [];
  const options = { directory: place.path, onProgress: ({ phase }: Progress) => void phases.push(phase) };
  await using first = await startEmbeddedServer(options);
  expect(new Set(phases)).toEqual(new Set(["start"]));
  phases.length = 0;
  await using second = await startEmbeddedServer(options);
  expect(second.url).toBe(first.url);
  expect(phases).toEqual([]);
});

test("a server that cannot start says so with the end of its log, and leaves nothing running", async () => {
  await using place = await serverDirectory();
  const starting = startEmbeddedServer({ directory: place.path, settings: { shared_buffers: "plenty" } });
  await expect(starting).rejects.toMatchObject({
    code: "SERVER_START_FAILED",
    message: expect.stringContaining('invalid value for parameter "shared_buffers": "plenty"') as string,
    hint: expect.stringMatching(/log is in ".*\.log"/) as string,
  });
  expect((await embeddedServerStatus(place.path)).running).toBe(false);
});

test("a server that is not ready in time is stopped and said to be late", async () => {
  await using place = await serverDirectory();
  const starting = startEmbeddedServer({ directory: place.path, timeoutMs: 1 });
  await expect(starting).rejects.toMatchObject({
    code: "SERVER_START_FAILED",
    message: expect.stringContaining("not ready within 1 ms") as string,
  });
  expect((await embeddedServerStatus(place.path)).running).toBe(false);
});

test("a folder in the way that is no data directory of ours is not touched", async () => {
  await using place = await serverDirectory();
  await using server = await startEmbeddedServer({ directory: place.path });
  const { dataDirectory } = server;
  await server.leave();
  await using other = await serverDirectory();
  const occupied = dataDirectory.replace(place.path, other.path);
  await mkdir(join(occupied, "precious"), { recursive: true });
  await expect(startEmbeddedServer({ directory: other.path })).rejects.toMatchObject({
    code: "SERVER_START_FAILED",
    hint: `remove it: rm -r "${occupied}"`,
  });
  expect(await readdir(occupied)).toEqual(["precious"]);
});

test("an abort before the start starts nothing", async () => {
  await using place = await serverDirectory();
  const reason = new Error("never mind");
  const starting = startEmbeddedServer({ directory: place.path, signal: AbortSignal.abort(reason) });
  await expect(starting).rejects.toBe(reason);
  expect(await readdir(place.path)).toEqual([]);
});

test("an abort in the middle of initdb leaves neither process nor folder", async () => {
  await using place = await serverDirectory();
  const controller = new AbortController();
  const reason = new Error("never mind");
  const starting = startEmbeddedServer({ directory: place.path, signal: controller.signal });
  const settled = expect(starting).rejects.toBe(reason);
  await expect.poll(() => readdir(place.path), { interval: 1 }).not.toEqual([]);
  controller.abort(reason);
  await settled;
  expect(await readdir(place.path)).toEqual([]);
  await expect.poll(() => processesNaming(place.path)).toEqual([]);
});

test("status and stop work from outside, and a server told to stay stays", async () => {
  await using place = await serverDirectory();
  await using server = await startEmbeddedServer({ directory: place.path, keepRunning: true });
  await server.leave();
  const status = await embeddedServerStatus(place.path);
  expect(status).toMatchObject({
    running: true,
    url: server.url,
    port: server.port,
    dataDirectory: server.dataDirectory,
    staysRunning: true,
  });
  await using visitor = await startEmbeddedServer({ directory: place.path });
  await visitor.leave();
  expect((await embeddedServerStatus(place.path)).running).toBe(true);
  expect(await stopEmbeddedServer(place.path)).toBe(true);
  expect(await stopEmbeddedServer(place.path)).toBe(false);
  // The wish to stay was the stopped server's, not the next one's.
  await using next = await startEmbeddedServer({ directory: place.path });
  expect(await embeddedServerStatus(place.path)).toMatchObject({ running: true, staysRunning: false });
  await next.leave();
  expect((await embeddedServerStatus(place.path)).running).toBe(false);
});

test("stop ends it for all who share it, and leaving afterwards is no error", async () => {
  await using place = await serverDirectory();
  await using first = await startEmbeddedServer({ directory: place.path });
  await using second = await startEmbeddedServer({ directory: place.path });
  await first.stop();
  await expect(ask(first.url, "select 1")).rejects.toThrow(/ECONNREFUSED/);
  await second.leave();
});

test("status of a place where nothing ever ran is an answer, not an error", async () => {
  expect(await embeddedServerStatus("/nonexistent/place")).toEqual({
    running: false,
    directory: "/nonexistent/place",
  });
  expect(await stopEmbeddedServer("/nonexistent/place")).toBe(false);
});

test.runIf(process.geteuid?.() === 0)(
  "root is told when the account of its server cannot enter the directory",
  async () => {
    await using place = await serverDirectory();
    await chmod(place.path, 0o700);
    await expect(startEmbeddedServer({ directory: place.path })).rejects.toMatchObject({
      code: "SERVER_START_FAILED",
      message: expect.stringMatching(/runs as "\w+", who cannot enter/) as string,
      hint: expect.stringContaining("HEADSTART_CACHE=") as string,
    });
  },
);
