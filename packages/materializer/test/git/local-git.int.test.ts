import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { localGit } from "../../src/git/local-git.ts";
import { redactor } from "../../src/git/redact.ts";
import { findProcesses } from "../support/git/find-processes.ts";
import { collect, mirrorFixture, temporaryFolder } from "../support/git/mirror-fixture.ts";

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

test("a question that waits for others' answers is given up at once, and they are answered", async () => {
  const { upstream, open } = await mirrorFixture();
  const files = Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`${n}`, `${n} `.repeat(2_000)]));
  const oid = await upstream.commit("main", files);
  const mirror = await open();
  await mirror.fetch();
  const oids = (await collect(mirror.listTree(oid))).map((entry) => entry.oid);
  let reading = true;
  const blobs = collect(mirror.readBlobs(oids)).finally(() => (reading = false));
  const controller = new AbortController();
  const waiting = Array.from(
    { length: 3 },
    async () => await mirror.has(oids, { signal: controller.signal }),
  );
  const ended = Promise.all(
    waiting.map(async (each) => await expect(each).rejects.toMatchObject({ kind: "Aborted" })),
  );
  controller.abort();
  await ended;
  expect(reading).toBe(true);
  expect(await blobs).toHaveLength(2_000);
});
