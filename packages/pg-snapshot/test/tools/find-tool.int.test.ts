import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { chooseTool, findTool, listTools } from "../../src/tools/find-tool.ts";
import { temporaryFolder, writeScript } from "./tool-script.ts";

afterEach(() => vi.unstubAllEnvs());

const [installed] = await listTools("pg_dump");
const major = installed?.major ?? 0;

test("finds the real programs and not Debian's wrapper", async () => {
  for (const name of ["pg_dump", "pg_restore"] as const) {
    const tool = await findTool(name, major);
    expect(tool).toMatchObject({ name, major, prefixed: false });
    expect(tool.command).toHaveLength(1);
    expect(basename(tool.command[0])).toBe(name);
    expect(tool.version).toMatch(/^\d+\.\d+$/);
  }
});

test.each([
  { server: 15, of: [18, 17, 16, 15, 14], picked: 15 },
  { server: 15, of: [18, 17, 14], picked: 17 },
  { server: 14, of: [18], picked: 18 },
  { server: 18, of: [17, 16], picked: undefined },
])("for server $server of $of it picks $picked", ({ server, of, picked }) => {
  expect(
    chooseTool(
      of.map((one) => ({ major: one })),
      server,
    )?.major,
  ).toBe(picked);
});

test("a server newer than every pg_dump is an error that names both versions and the way out", async () => {
  await expect(findTool("pg_dump", 99)).rejects.toMatchObject({
    code: "TOOL_TOO_OLD",
    message: expect.stringMatching(
      `server is Postgres 99, but the newest pg_dump found is ${major}\\.\\d+`,
    ) as string,
    hint: expect.stringMatching(
      /install the tools of version 99: .+99.*; or .*docker compose exec/,
    ) as string,
  });
});

test("the setting and HEADSTART_PG_TOOLS name the one place to look in", async () => {
  const folder = await temporaryFolder();
  await writeScript(folder, "pg_dump", "echo 'pg_dump (PostgreSQL) 17.2 (Vendor 17.2-1)'");
  const tool = { command: [join(folder, "pg_dump")], major: 17, version: "17.2" };
  expect(await findTool("pg_dump", major, { directory: folder })).toMatchObject(tool);
  vi.stubEnv("HEADSTART_PG_TOOLS", folder);
  expect(await findTool("pg_dump", major)).toMatchObject(tool);
  await expect(findTool("pg_dump", 18)).rejects.toMatchObject({
    code: "TOOL_TOO_OLD",
    hint: expect.stringContaining(`"${folder}" was asked for`) as string,
  });
  await expect(findTool("pg_restore", major)).rejects.toMatchObject({
    code: "TOOL_MISSING",
    message: expect.stringContaining(`no working pg_restore in "${folder}"`) as string,
  });
});

test("tools beside the server's programs are found as well, and one asked for by itself wins", async () => {
  const beside = await temporaryFolder();
  await writeScript(beside, "pg_dump", `echo 'pg_dump (PostgreSQL) ${major}.99'`);
  const found = { command: [join(beside, "pg_dump")], version: `${major}.99` };
  expect(await findTool("pg_dump", major, { beside })).toMatchObject(found);
  expect(await findTool("pg_restore", major, { beside })).toMatchObject({ major });
  vi.stubEnv("HEADSTART_POSTGRES_BIN", beside);
  expect(await findTool("pg_dump", major)).toMatchObject(found);
  const directory = installedFolder();
  expect(await findTool("pg_dump", major, { directory, beside })).toMatchObject({
    command: installed?.command,
  });
});

test("a program that does not run is said to be there", async () => {
  const folder = await temporaryFolder();
  await writeScript(folder, "pg_dump", "echo 'libpq.so.5: cannot open shared object file' >&2; exit 127");
  await expect(findTool("pg_dump", major, { directory: folder })).rejects.toThrow(
    /libpq\.so\.5: cannot open/,
  );
});

test("behind a prefix it is the prefix's program", async () => {
  const tool = await findTool("pg_dump", major, { prefix: ["env", "-i", `PATH=${installedFolder()}`] });
  expect(tool).toMatchObject({ prefixed: true, version: installed?.version });
  expect(tool.command).toEqual(["env", "-i", `PATH=${installedFolder()}`, "pg_dump"]);
});

test.each([
  { prefix: ["false"], said: /does not run behind "false"/ },
  { prefix: ["/nonexistent/docker", "exec", "db"], said: /ENOENT/ },
])("a prefix that does not work is said to be the trouble: $prefix", async ({ prefix, said }) => {
  await expect(findTool("pg_dump", major, { prefix })).rejects.toMatchObject({
    code: "TOOL_MISSING",
    message: expect.stringMatching(said) as string,
    hint: expect.stringContaining("start the container") as string,
  });
});

test("a program is asked for its version once, one that failed again", async () => {
  const folder = await temporaryFolder();
  const log = join(folder, "log");
  const ready = join(folder, "ready");
  const text = `echo asked >> '${log}'; test -e '${ready}' && echo 'pg_dump (PostgreSQL) 16.1'`;
  await writeScript(folder, "pg_dump", text);
  await expect(findTool("pg_dump", 16, { directory: folder })).rejects.toMatchObject({
    code: "TOOL_MISSING",
  });
  await writeScript(folder, "ready", "");
  await findTool("pg_dump", 16, { directory: folder });
  await findTool("pg_dump", 14, { directory: folder });
  expect((await readFile(log, "utf8")).trim().split("\n")).toHaveLength(2);
});

function installedFolder(): string {
  return join(installed?.command[0] ?? "", "..");
}
