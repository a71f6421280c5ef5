import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { afterEach, expect, inject, test, vi } from "vitest";
import { resolveConnection, toolEnvironment } from "../../src/server/connection-settings.ts";
import { findTool, type Tool } from "../../src/tools/find-tool.ts";
import { runTool } from "../../src/tools/run-tool.ts";
import { isAlive } from "../../src/embedded/postmaster.ts";
import { ask } from "../embedded/server-directory.ts";
import { scriptTool, temporaryFolder, writeScript } from "./tool-script.ts";

afterEach(() => vi.unstubAllEnvs());

const settings = resolveConnection(inject("serverUrl"), {});
const environment = toolEnvironment(settings, "postgres");
const failureCode = "DUMP_FAILED";
const client = new pg.Client({ connectionString: inject("serverUrl") });
await client.connect();
const { rows } = await client.query<{ major: number }>(
  "select current_setting('server_version_num')::int / 10000 as major",
);
await client.end();
const dump = await findTool("pg_dump", rows[0]?.major ?? 0);
const schemaOnly = ["--schema-only", "--no-password", "--verbose"];

test("dumps to a file, and hands over what the tool says line by line", async () => {
  const outputFile = join(await temporaryFolder(), "dump Ü.sql");
  const lines: string[] = [];
  await runTool(dump, schemaOnly, {
    environment,
    failureCode,
    outputFile,
    onLine: (line) => lines.push(line),
  });
  expect(await readFile(outputFile, "utf8")).toContain("PostgreSQL database dump complete");
  expect(lines).toContainEqual(expect.stringMatching(/^pg_dump: /));
});

test("a wrong password is told as such, and never shown", async () => {
  const wrong = { ...environment, PGPASSWORD: "not the p@ssword" };
  const running = runTool(dump, schemaOnly, { environment: wrong, failureCode });
  await expect(running).rejects.toMatchObject({
    code: "AUTHENTICATION_FAILED",
    message: expect.not.stringContaining("p@ssword") as string,
  });
});

test("without a password it fails instead of asking for one", async () => {
  const { PGPASSWORD: _, ...without } = environment;
  vi.stubEnv("PGPASSFILE", "/dev/null");
  const running = runTool(dump, schemaOnly, { environment: without, failureCode });
  await expect(running).rejects.toMatchObject({ code: "AUTHENTICATION_FAILED" });
});

test("a passfile that our environment names is used", async () => {
  const { PGPASSWORD: password, ...without } = environment;
  const passfile = join(await temporaryFolder(), "pass file");
  await writeFile(passfile, `*:*:*:*:${password}\n`, { mode: 0o600 });
  vi.stubEnv("PGPASSFILE", passfile);
  await runTool(dump, schemaOnly, { environment: without, failureCode });
});

test("a server that is down is told from one that refuses", async () => {
  const down = { ...environment, PGPORT: "1" };
  await expect(runTool(dump, schemaOnly, { environment: down, failureCode })).rejects.toMatchObject({
    code: "SERVER_UNREACHABLE",
  });
  const absent = { ...environment, PGDATABASE: "no such database" };
  await expect(runTool(dump, schemaOnly, { environment: absent, failureCode })).rejects.toMatchObject({
    code: "DUMP_FAILED",
    message: expect.stringContaining('database "no such database" does not exist') as string,
  });
});

test("secrets that a tool repeats are taken out of the error, which shows the last lines only", async () => {
  const tool = await scriptTool(`
    for i in $(seq 100); do echo "line $i" >&2; done
    echo "connecting to postgresql://me:$PGPASSWORD@host/db with password='$PGPASSWORD' and p%40ss" >&2
    exit 3`);
  const running = runTool(tool, [], { environment: { PGPASSWORD: "p@ss" }, failureCode });
  const error = await running.catch((reason: unknown) => reason as Error);
  expect(error).toMatchObject({ code: "DUMP_FAILED" });
  const { message } = error as Error;
  expect(message).toContain("(exit code 3)");
  expect(message).toContain("line 100");
  expect(message).not.toContain("line 50\n");
  expect(message).not.toContain("p@ss");
  expect(message).not.toContain("p%40ss");
});

test("of our environment the tool sees what it needs and nothing of the project's", async () => {
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "project's own");
  vi.stubEnv("PGDATABASE", "somebody else's");
  vi.stubEnv("PGSSLROOTCERT", "/some/ca.pem");
  vi.stubEnv("LC_ALL", "de_DE.UTF-8");
  const tool = await scriptTool("env >&2");
  const seen: string[] = [];
  await runTool(tool, [], {
    environment: { PGHOST: "here" },
    failureCode,
    onLine: (line) => seen.push(line),
  });
  expect(seen).toEqual(expect.arrayContaining(["PGHOST=here", "LC_ALL=C", "PGSSLROOTCERT=/some/ca.pem"]));
  expect(seen.join("\n")).not.toMatch(/AWS_SECRET|PGDATABASE/);
});

test("an abort ends a pg_dump that waits for a lock, and throws the signal's reason", async () => {
  const locker = new pg.Client({ connectionString: inject("serverUrl") });
  await locker.connect();
  try {
    await locker.query("create table if not exists run_tool_locked (id int)");
    await locker.query("begin; lock table run_tool_locked in access exclusive mode");
    const controller = new AbortController();
    const reason = new Error("enough");
    const running = runTool(dump, ["--no-password", "--table=run_tool_locked"], {
      environment: { ...environment, PGAPPNAME: "waiting dump" },
      failureCode,
      signal: controller.signal,
    });
    const settled = expect(running).rejects.toBe(reason);
    const waiting =
      "select 1 from pg_stat_activity where application_name = 'waiting dump' and wait_event_type = 'Lock'";
    // A transaction sees pg_stat_activity as it first saw it, so the locker itself would wait in vain.
    await expect.poll(() => ask(inject("serverUrl"), waiting), { timeout: 30_000 }).toHaveLength(1);
    controller.abort(reason);
    await settled;
  } finally {
    await locker.query("rollback; drop table if exists run_tool_locked");
    await locker.end();
  }
});

test("a tool that does not heed SIGTERM is killed, and behind a prefix all that it started", async () => {
  const folder = await temporaryFolder();
  const prefix = await writeScript(folder, "prefix", 'trap "" TERM\n"$@" &\nwait; wait');
  const child = await writeScript(
    folder,
    "pg_dump",
    `trap "" TERM; echo "$$" >&2; while :; do sleep 600; done`,
  );
  const tool: Tool = {
    name: "pg_dump",
    command: [prefix, child],
    major: 17,
    version: "17.1",
    prefixed: true,
  };
  const controller = new AbortController();
  const reason = new Error("enough");
  const started = deferred<number>();
  const running = runTool(tool, [], {
    environment: {},
    failureCode,
    onLine: (line) => started.resolve(Number(line)),
    signal: controller.signal,
  });
  const settled = expect(running).rejects.toBe(reason);
  const pid = await started.promise;
  controller.abort(reason);
  await settled;
  await expect.poll(async () => !isAlive(pid) || (await isZombie(pid))).toBe(true);
});

test("an abort before the start runs nothing", async () => {
  const reason = new Error("never mind");
  const marker = join(await temporaryFolder(), "ran");
  const tool = await scriptTool(`touch '${marker}'`);
  const running = runTool(tool, [], { environment: {}, failureCode, signal: AbortSignal.abort(reason) });
  await expect(running).rejects.toBe(reason);
  await expect(stat(marker)).rejects.toMatchObject({ code: "ENOENT" });
});

test("a full disk under the output is told as such", async () => {
  const running = runTool(dump, schemaOnly, { environment, failureCode, outputFile: "/dev/full" });
  await expect(running).rejects.toMatchObject({ code: "DISK_FULL" });
});

/**
 * Docker is not everywhere; this script is to the tool what `docker compose exec` is: another environment, in
 * which the server is found at another address, and only what `-e` names comes along.
 */
const pretendContainer = `
  [ "$1 $2" = "compose exec" ] || exit 64
  shift 2
  while :; do
    case "$1" in
      -e) eval "value=\\$$2"; handed="$2=$value"; shift 2 ;;
      -T) shift ;;
      *) break ;;
    esac
  done
  shift
  exec env -i PATH="$INSIDE_PATH" PGHOST="$INSIDE_HOST" PGPORT="$INSIDE_PORT" \${handed:+"$handed"} "$@"`;

test("dumps behind docker compose exec, where neither our environment nor our address holds", async () => {
  const folder = await temporaryFolder();
  const inside = `INSIDE_PATH='${join(dump.command[0], "..")}:${process.env["PATH"]}' INSIDE_HOST=127.0.0.1 INSIDE_PORT=${settings.port}`;
  const docker = await writeScript(folder, "docker", `${inside}\n${pretendContainer}`);
  const tool = await findTool("pg_dump", dump.major, { prefix: [docker, "compose", "exec", "-T", "db"] });
  const outputFile = join(folder, "dump.sql");
  await runTool(tool, schemaOnly, { environment: { ...environment, PGPORT: "1" }, failureCode, outputFile });
  expect(await readFile(outputFile, "utf8")).toContain("PostgreSQL database dump complete");
});

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

async function isZombie(pid: number): Promise<boolean> {
  return /\) Z /.test(await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ""));
}
