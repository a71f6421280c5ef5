import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { isAlive } from "../../src/embedded/postmaster.ts";
import { resolveConnection } from "../../src/server/connection-settings.ts";
import { restoreDatabase } from "../../src/snapshot/restore-database.ts";
import { scriptTool, temporaryFolder } from "../tools/tool-script.ts";

const unknownTimeout = `echo 'pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"' >&2
echo 'Command was: SET transaction_timeout = 0;' >&2`;
const summary = (ignored: number): string =>
  `echo 'pg_restore: warning: errors ignored on restore: ${ignored}' >&2`;

/** A restore to a server of version 16 by a pg_restore 17 that is the script, for the machine may not have both. */
async function restore(
  script: string,
  { list = "exit 0", signal }: { list?: string; signal?: AbortSignal } = {},
): Promise<void> {
  const dumpPath = join(await temporaryFolder(), "dump");
  await writeFile(dumpPath, Buffer.from("PGDMP\x01\x0e\x00", "latin1"));
  const tool = await scriptTool(`case "$*" in *--list*) ${list} ;; esac\n${script}`);
  const server = {
    versionNum: 160_004,
    major: 16,
    version: "16.4",
    encoding: "UTF8",
    availableExtensions: new Set<string>(),
  };
  const connection = resolveConnection(inject("serverUrl"), {});
  await restoreDatabase({ connection, database: "any", dumpPath, dumpBytes: 8, server, tool, signal });
}

test("the one setting that an older server does not know is let pass", async () => {
  await restore(`${unknownTimeout}\n${summary(1)}\nexit 1`);
});

test("so are those of parallel workers, which pg_restore tells and does not count", async () => {
  await restore(`${unknownTimeout}\n${unknownTimeout}\n${unknownTimeout}\n${summary(2)}\nexit 1`);
});

test.each([
  ["is killed after it", `${unknownTimeout}\nkill -9 $$`],
  ["is killed after its last word", `${unknownTimeout}\n${summary(1)}\nkill -9 $$`],
  ["loses its container", `${unknownTimeout}\n${summary(1)}\nexit 137`],
  ["ends without having come to the end", `${unknownTimeout}\nexit 1`],
  ["ignored more than it told", `${unknownTimeout}\n${summary(2)}\nexit 1`],
  [
    "met another error as well",
    `${unknownTimeout}\necho 'pg_restore: error: could not execute query: ERROR:  syntax error' >&2\n${summary(2)}\nexit 1`,
  ],
])("a pg_restore that %s has failed", async (_, script) => {
  await expect(restore(script)).rejects.toMatchObject({ code: "RESTORE_FAILED" });
});

test("an abort while the dump's table of contents is listed ends pg_restore", async () => {
  const listing = join(await temporaryFolder(), "listing");
  const controller = new AbortController();
  const reason = new Error("changed my mind");
  const restoring = restore("exit 0", {
    list: `echo $$ > '${listing}.new'; mv '${listing}.new' '${listing}'; exec tail -f /dev/null`,
    signal: controller.signal,
  });
  const settled = expect(restoring).rejects.toBe(reason);
  await expect.poll(() => existsSync(listing)).toBe(true);
  controller.abort(reason);
  await settled;
  expect(isAlive(Number(readFileSync(listing, "utf8")))).toBe(false);
});
