import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { localGit } from "../../src/git/local-git.ts";
import { redactor } from "../../src/git/redact.ts";
import { findProcesses } from "../support/git/find-processes.ts";
import { mirrorFixture, temporaryFolder } from "../support/git/mirror-fixture.ts";

/** A git that is still at it when it is told to end. */
async function slowGit() {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "git"), "#!/bin/sh\nwhile :; do sleep 0.1; done\n", { mode: 0o755 });
  const environment = { PATH: `${folder}:${process.env["PATH"] ?? ""}`, MARK: folder };
  return { folder, options: { directory: folder, environment, redact: redactor([]), timeoutMs: 600_000 } };
}

test.each(["signal", "closing"] as const)(
  "the %s ends git on what is here, before the call ends",
  async (end) => {
    const { folder, options } = await slowGit();
    const controller = new AbortController();
    const running = localGit(["rev-list"], { ...options, [end]: controller.signal });
    const ended = expect(running).rejects.toMatchObject({ kind: "Aborted" });
    await expect
      .poll(async () => (await findProcesses(folder)).length, { timeout: 30_000 })
      .toBeGreaterThan(0);
    controller.abort();
    await ended;
    await expect.poll(async () => await findProcesses(folder), { timeout: 30_000 }).toEqual([]);
    await expect(localGit(["rev-list"], { ...options, [end]: controller.signal })).rejects.toMatchObject({
      kind: "Aborted",
    });
  },
);

test("a question that waits for another's answer is given up at once, and the other is answered", async () => {
  const { upstream, open } = await mirrorFixture();
  const oid = await upstream.commit("main", { f: "1" });
  const mirror = await open();
  await mirror.fetch();
  expect(await mirror.has([oid])).toEqual(new Set([oid]));
  const processes = await findProcesses(mirror.directory);
  const reader = processes.find(({ command }) => command.includes("cat-file"));
  if (reader === undefined) throw new Error("nothing reads the mirror");
  process.kill(reader.pid, "SIGSTOP");
  const asked = mirror.has([oid]);
  const controller = new AbortController();
  const waiting = mirror.has([oid], { signal: controller.signal });
  const givenUp = expect(waiting).rejects.toMatchObject({ kind: "Aborted" });
  // By then it stands behind the other: that has no more to wait for than a look at a file.
  for (let turn = 0; turn < 100; turn += 1) await readdir(mirror.directory);
  controller.abort();
  await givenUp;
  const late = mirror.has([oid], { signal: controller.signal });
  await expect(late).rejects.toMatchObject({ kind: "Aborted" });
  process.kill(reader.pid, "SIGCONT");
  expect(await asked).toEqual(new Set([oid]));
});
