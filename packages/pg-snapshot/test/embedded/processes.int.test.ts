import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, chown, cp, mkdir, readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import pg from "pg";
import { expect, inject, test } from "vitest";
import { embeddedServerStatus } from "../../src/embedded/embedded-server-status.ts";
import { readPassword } from "../../src/embedded/data-directory.ts";
import { listPostgres } from "../../src/embedded/find-postgres.ts";
import { Member } from "../../src/embedded/membership.ts";
import { findPostmaster } from "../../src/embedded/postmaster.ts";
import { serverAccount } from "../../src/embedded/server-account.ts";
import { serverConnection, startEmbeddedServer } from "../../src/embedded/start-embedded-server.ts";
import { pidSpace } from "../../src/pid-space.ts";
import { ask, postmasterPid, processesNaming, serverDirectory } from "./server-directory.ts";
import { spawnServer } from "./spawn-server.ts";

const installations = await listPostgres();
const isRoot = process.geteuid?.() === 0;

/** Half-made folders below a server's directory. */
async function leftovers(path: string): Promise<string[]> {
  return (await readdir(path)).filter((name) => name.startsWith("making-"));
}

async function members(url: string): Promise<number> {
  const locks = "select from pg_locks where locktype = 'advisory' and mode = 'ShareLock' and granted";
  return (await ask(url, locks)).length;
}

test("eight processes that start at once get one server, and the last to leave stops it", async () => {
  await using place = await serverDirectory();
  const processes = Array.from({ length: 8 }, () => spawnServer({ directory: place.path }));
  try {
    const started = await Promise.all(processes.map((one) => one.until("started")));
    expect(new Set(started.map(({ url }) => url)).size).toBe(1);
    for (const one of processes.slice(1)) one.tell("leave");
    await Promise.all(processes.slice(1).map((one) => one.until("left")));
    await expect(ask(started[0]?.url ?? "", "select 1")).resolves.toHaveLength(1);
    processes[0]?.tell("leave");
    await Promise.all(processes.map((one) => one.ended));
    expect((await embeddedServerStatus(place.path)).running).toBe(false);
    expect(await leftovers(place.path)).toEqual([]);
    expect(await processesNaming(place.path)).toEqual([]);
  } finally {
    await Promise.all(processes.map((one) => one[Symbol.asyncDispose]()));
  }
});

test("processes that come and go never find the server gone under them", async () => {
  await using place = await serverDirectory();
  const processes = Array.from({ length: 4 }, () => spawnServer({ directory: place.path, rounds: 6 }));
  try {
    const codes = await Promise.all(processes.map((one) => one.ended));
    expect(
      codes,
      JSON.stringify(processes.map(({ events }) => events.filter(({ event }) => event !== "progress"))),
    ).toEqual([0, 0, 0, 0]);
    expect((await embeddedServerStatus(place.path)).running).toBe(false);
    expect(await processesNaming(place.path)).toEqual([]);
  } finally {
    await Promise.all(processes.map((one) => one[Symbol.asyncDispose]()));
  }
});

test("a server that has begun to stop is not joined, although it still answers", async () => {
  await using place = await serverDirectory();
  await using server = await startEmbeddedServer({ directory: place.path });
  const { dataDirectory, port } = server;
  const postmaster = await findPostmaster(dataDirectory);
  expect(postmaster?.ready).toBe(true);
  const settings = serverConnection(port, (await readPassword(dataDirectory)) ?? "");
  const file = join(dataDirectory, "postmaster.pid");
  const ready = await readFile(file, "utf8");
  await writeFile(file, ready.replace(/^ready {3}$/m, "stopping"));
  expect(await Member.join({ settings, dataDirectory, postmaster: postmaster! })).toBeUndefined();
  await expect.poll(() => members(server.url), { timeout: 60_000 }).toBe(1);
  await writeFile(file, ready);
  const member = await Member.join({ settings, dataDirectory, postmaster: postmaster! });
  expect(member).toBeDefined();
  await member?.leave();
});

test("an idle member does not keep its process, and the next to leave stops the server", async () => {
  await using place = await serverDirectory();
  await using forgetful = spawnServer({ directory: place.path });
  await forgetful.until("started");
  forgetful.tell("nothing");
  expect(await forgetful.ended).toBe(0);
  expect((await embeddedServerStatus(place.path)).running).toBe(true);
  await using server = await startEmbeddedServer({ directory: place.path });
  await server.leave();
  expect((await embeddedServerStatus(place.path)).running).toBe(false);
});

test("a member that is killed holds nobody up", async () => {
  await using place = await serverDirectory();
  await using victim = spawnServer({ directory: place.path });
  await using survivor = spawnServer({ directory: place.path });
  const [{ url }] = await Promise.all([victim.until("started"), survivor.until("started")]);
  process.kill(victim.pid, "SIGKILL");
  await victim.ended;
  // Its session ends once the server has noticed.
  await expect.poll(() => members(url ?? ""), { timeout: 60_000 }).toBe(1);
  survivor.tell("leave");
  await survivor.until("left");
  expect((await embeddedServerStatus(place.path)).running).toBe(false);
});

test.each(installations)(
  "Postgres $version that was killed under a busy query is recovered by the next start",
  async ({ directory: binaries }) => {
    await using place = await serverDirectory();
    await using first = await startEmbeddedServer({ directory: place.path, binaries });
    await ask(first.url, "set synchronous_commit = on; create table kept as select 42 as answer");
    const busy = new pg.Client({ connectionString: first.url });
    busy.on("error", () => undefined);
    await busy.connect();
    const { rows } = await busy.query<{ pid: number }>("select pg_backend_pid() as pid");
    const query = busy.query(
      "select count(*) from generate_series(1, 1000000000000) a, generate_series(1, 9) b",
    );
    const ended = expect(query).rejects.toThrow();
    await expect
      .poll(() =>
        ask(
          first.url,
          "select 1 from pg_stat_activity where query like '%generate_series%' and state = 'active' and pid <> pg_backend_pid()",
        ),
      )
      .toHaveLength(1);
    process.kill(await postmasterPid(first.dataDirectory), "SIGKILL");
    await using second = await startEmbeddedServer({ directory: place.path, binaries });
    await ended;
    expect(await ask(second.url, "select answer from kept")).toEqual([{ answer: 42 }]);
    // It is gone, or a zombie that nobody in this container reaps.
    expect(await readFile(`/proc/${rows[0]?.pid}/cmdline`, "utf8").catch(() => "")).toBe("");
    // Who was a member of the server that is gone has nothing to leave, and does not stop the new one.
    await first.leave();
    await expect(ask(second.url, "select 1")).resolves.toHaveLength(1);
  },
);

test("a member is a member still after a crash that the server survives", async () => {
  await using place = await serverDirectory();
  await using server = await startEmbeddedServer({ directory: place.path });
  await using other = spawnServer({ directory: place.path });
  await other.until("started");
  const victim = new pg.Client({ connectionString: server.url });
  victim.on("error", () => undefined);
  await victim.connect();
  const { rows } = await victim.query<{ pid: number }>("select pg_backend_pid() as pid");
  process.kill(rows[0]?.pid ?? 0, "SIGKILL");
  await expect.poll(() => members(server.url).catch(() => 0), { timeout: 60_000 }).toBe(2);
  other.tell("leave");
  await other.until("left");
  await expect(ask(server.url, "select 1")).resolves.toHaveLength(1);
  await server.leave();
  expect((await embeddedServerStatus(place.path)).running).toBe(false);
});

/** Moments of a start, each seen from outside. */
const moments: readonly (readonly [string, (path: string) => Promise<boolean>])[] = [
  ["initdb begins", async (path) => (await leftovers(path)).length > 0],
  ["initdb has made files", async (path) => await hasVersionFile(path)],
  [
    "the data directory is there",
    async (path) => (await readdir(path)).some((name) => name.startsWith("data-")),
  ],
  ["the server has its pid file", async (path) => await hasPidFile(path)],
];

async function hasVersionFile(path: string): Promise<boolean> {
  const [folder] = await leftovers(path);
  const inside = folder === undefined ? [] : await readdir(join(path, folder)).catch(() => []);
  return inside.some((name) => existsSync(join(path, folder ?? "", name, "PG_VERSION")));
}

async function hasPidFile(path: string): Promise<boolean> {
  return (await readdir(path)).some((name) => existsSync(join(path, name, "postmaster.pid")));
}

test.each(moments)(
  "SIGTERM when %s ends the process by it and leaves nothing half made",
  async (moment, reached) => {
    await using place = await serverDirectory();
    await using starting = spawnServer({ directory: place.path });
    await expect.poll(() => reached(place.path), { interval: 1, timeout: 60_000 }).toBe(true);
    process.kill(starting.pid, "SIGTERM");
    expect(await starting.ended).toBe("SIGTERM");
    // The last moment may have been the very last, whether or not the process still came to say so: then the start
    // was over, and what runs is a whole server that has lost a member. The start below joins it.
    const { running } = await embeddedServerStatus(place.path);
    if (moment !== "the server has its pid file") expect(running).toBe(false);
    if (!running) await expect.poll(() => processesNaming(place.path), { timeout: 30_000 }).toEqual([]);
    expect(await leftovers(place.path)).toEqual([]);
    await using server = await startEmbeddedServer({ directory: place.path });
    await expect(ask(server.url, "select 1")).resolves.toHaveLength(1);
  },
);

test.each(moments)("kill -9 when %s harms no later start, which clears up", async (_, reached) => {
  await using place = await serverDirectory();
  await using starting = spawnServer({ directory: place.path });
  await expect.poll(() => reached(place.path), { interval: 1, timeout: 60_000 }).toBe(true);
  process.kill(starting.pid, "SIGKILL");
  await starting.ended;
  await using server = await startEmbeddedServer({ directory: place.path });
  await expect(ask(server.url, "select 1")).resolves.toHaveLength(1);
  await server.leave();
  expect((await embeddedServerStatus(place.path)).running).toBe(false);
  await expect
    .poll(
      async () => {
        await using again = await startEmbeddedServer({ directory: place.path });
        await again.leave();
        return await leftovers(place.path);
      },
      { timeout: 60_000 },
    )
    .toEqual([]);
});

test("what a killed maker left long ago is cleared up although its number is in use again", async () => {
  await using place = await serverDirectory();
  const left = join(place.path, `making-${pidSpace()}-${process.pid}-abcdef`);
  await mkdir(left);
  await using recent = await startEmbeddedServer({ directory: place.path });
  await recent.leave();
  expect(await leftovers(place.path)).toHaveLength(1);
  await utimes(left, 0, 0);
  await using server = await startEmbeddedServer({ directory: place.path });
  await server.leave();
  expect(await leftovers(place.path)).toEqual([]);
});

test("what is being made on another machine, or in another container, is left alone", async () => {
  await using place = await serverDirectory();
  // No process here has this number.
  const theirs = join(place.path, "making-00000000-99999999-abcdef");
  const dead = join(place.path, `making-${pidSpace()}-99999999-abcdef`);
  for (const folder of [theirs, dead]) await mkdir(folder);
  await using server = await startEmbeddedServer({ directory: place.path });
  void server;
  expect(await leftovers(place.path)).toEqual([basename(theirs)]);
});

test("Ctrl-C in a terminal ends the process and not the server", async () => {
  await using place = await serverDirectory();
  await using starter = spawnServer({ directory: place.path }, { detached: true });
  const { url } = await starter.until("started");
  process.kill(-starter.pid, "SIGINT");
  expect(await starter.ended).toBe("SIGINT");
  await expect(ask(url ?? "", "select 1")).resolves.toHaveLength(1);
});

test("nothing of the server is tied to the process that started it", async () => {
  await using place = await serverDirectory();
  await using starter = spawnServer({ directory: place.path, keepRunning: true });
  const { url, dataDirectory } = await starter.until("started");
  const server = await postmasterPid(String(dataDirectory));
  const [, , , , group, session] = (await readFile(`/proc/${server}/stat`, "utf8"))
    .replace(/^.*\) /, "x x ")
    .split(" ");
  expect([Number(group), Number(session)]).toEqual([server, server]);
  starter.tell("leave");
  expect(await starter.ended).toBe(0);
  await expect(ask(url ?? "", "select 1")).resolves.toHaveLength(1);
});

/** Processes that may have got the number of a dead server: another program, and another Postgres server. */
test.each(["another program", "another server"])(
  "a stale pid file whose number is %s's by now does not hinder the start",
  async (kind) => {
    await using place = await serverDirectory();
    await using first = await startEmbeddedServer({ directory: place.path });
    const { dataDirectory } = first;
    const file = join(dataDirectory, "postmaster.pid");
    const text = await readFile(file, "utf8");
    await first.leave();
    const account = await serverAccount();
    const sleeper: ChildProcess = spawn("sleep", ["600"], {
      stdio: "ignore",
      ...(account && { uid: account.uid, gid: account.gid }),
    });
    try {
      await once(sleeper, "spawn");
      const [{ directory: other } = { directory: "" }] = await ask<{ directory: string }>(
        inject("serverUrl"),
        "select current_setting('data_directory') as directory",
      );
      const pid = kind === "another program" ? sleeper.pid : await postmasterPid(other);
      await writeFile(file, text.replace(/^\d+/, String(pid)), { mode: 0o600 });
      if (account) await chown(file, account.uid, account.gid);
      expect((await embeddedServerStatus(place.path)).running).toBe(false);
      await using second = await startEmbeddedServer({ directory: place.path });
      await expect(ask(second.url, "select 1")).resolves.toHaveLength(1);
      await expect(ask(inject("serverUrl"), "select 1")).resolves.toHaveLength(1);
      expect(sleeper.exitCode ?? sleeper.signalCode).toBe(null);
    } finally {
      sleeper.kill("SIGKILL");
    }
  },
);

test("data that a machine's restart cut off is made anew, and that is said", async () => {
  await using place = await serverDirectory();
  await using first = await startEmbeddedServer({ directory: place.path });
  await ask(first.url, "create database torn");
  process.kill(await postmasterPid(first.dataDirectory), "SIGKILL");
  await writeFile(join(first.dataDirectory, "headstart-boot-id"), "another run of the machine");
  // A look from outside must not take away what tells that the server was cut off.
  await expect.poll(async () => (await embeddedServerStatus(place.path)).running).toBe(false);
  const details: (string | undefined)[] = [];
  await using second = await startEmbeddedServer({
    directory: place.path,
    onProgress: ({ detail }) => details.push(detail),
  });
  expect(await ask(second.url, "select 1 from pg_database where datname = 'torn'")).toEqual([]);
  expect(details).toContainEqual(expect.stringContaining("the machine restarted under the server"));
});

test("data that another machine's server has is refused and left alone", async () => {
  await using place = await serverDirectory();
  await using first = await startEmbeddedServer({ directory: place.path });
  const note = join(first.dataDirectory, "headstart-boot-id");
  const [boot, machine] = (await readFile(note, "utf8")).split("\n");
  await ask(first.url, "create database theirs");
  // What another machine sees that shares the folder: a pid file, and a note of a run that is not its own.
  await writeFile(note, "another machine's run\nanother machine");
  await expect(startEmbeddedServer({ directory: place.path })).rejects.toMatchObject({
    code: "SERVER_START_FAILED",
    hint: expect.stringContaining("HEADSTART_CACHE") as string,
  });
  expect(await ask(first.url, "select 1 from pg_database where datname = 'theirs'")).toHaveLength(1);
  await writeFile(note, `${boot}\n${machine}`);
  await using second = await startEmbeddedServer({ directory: place.path });
  expect(second.port).toBe(first.port);
});

test("data that was shut down in order survives a machine's restart", async () => {
  await using place = await serverDirectory();
  await using first = await startEmbeddedServer({ directory: place.path });
  await ask(first.url, "create database whole");
  await first.leave();
  await writeFile(join(first.dataDirectory, "headstart-boot-id"), "another run of the machine");
  await using second = await startEmbeddedServer({ directory: place.path });
  expect(await ask(second.url, "select 1 from pg_database where datname = 'whole'")).toHaveLength(1);
});

test.runIf(isRoot)("root's server runs as an unprivileged account", async () => {
  await using place = await serverDirectory();
  await using server = await startEmbeddedServer({ directory: place.path });
  const account = await serverAccount();
  const { uid } = await stat(`/proc/${await postmasterPid(server.dataDirectory)}`);
  expect(account?.uid).not.toBe(0);
  expect(uid).toBe(account?.uid);
  const status = await readFile(`/proc/${await postmasterPid(server.dataDirectory)}/status`, "utf8");
  expect(/^Groups:\s*$/m.test(status)).toBe(true);
});

test.runIf(isRoot)("an ordinary user gets a server of their own below their home", async () => {
  const user = 65_534;
  await using place = await serverDirectory("home");
  await chown(place.path, user, user);
  await chmod(place.path, 0o700);
  const environment = { PATH: process.env["PATH"], HOME: place.path, TMPDIR: place.path };
  const identity = { uid: user, gid: user, env: environment, cwd: place.path };
  await using starter = spawnServer({}, identity);
  await using other = spawnServer({}, identity);
  const [{ url, dataDirectory }, joined] = await Promise.all([
    starter.until("started"),
    other.until("started"),
  ]);
  expect(joined.url).toBe(url);
  expect(dataDirectory).toMatch(new RegExp(`^${place.path}/\\.cache/headstart/postgres/data-\\d+-\\w{8}$`));
  expect((await stat(`/proc/${await postmasterPid(String(dataDirectory))}`)).uid).toBe(user);
  for (const one of [starter, other]) {
    one.tell("leave");
    await one.until("left");
  }
  expect(existsSync(join(String(dataDirectory), "postmaster.pid"))).toBe(false);
});

test.runIf(isRoot)("a server of another account is refused with a way out", async () => {
  await using place = await serverDirectory();
  await using server = await startEmbeddedServer({ directory: place.path });
  await using stranger = spawnServer(
    { directory: place.path },
    { uid: 65_534, gid: 65_534, env: { PATH: process.env["PATH"], HOME: "/" } },
  );
  expect(await stranger.until("failed")).toMatchObject({ code: "PERMISSION_DENIED" });
  await expect(ask(server.url, "select 1")).resolves.toHaveLength(1);
});

test.runIf(isRoot).each(installations.filter(({ directory }) => directory.includes("node_modules")))(
  "Postgres $version that lies in a place closed to the server's account is copied once",
  async ({ directory }) => {
    await using place = await serverDirectory();
    const closed = join(dirname(place.path), "closed");
    await mkdir(closed, { mode: 0o700 });
    await cp(dirname(directory), join(closed, "native"), { recursive: true, verbatimSymlinks: true });
    const binaries = join(closed, "native", "bin");
    for (const _ of ["first", "second"]) {
      await using server = await startEmbeddedServer({ directory: place.path, binaries });
      await expect(ask(server.url, "select 1")).resolves.toHaveLength(1);
      const copies = (await readdir(place.path)).filter((name) => name.startsWith("binaries-"));
      expect(copies).toHaveLength(1);
    }
    expect(await leftovers(place.path)).toEqual([]);
  },
);
