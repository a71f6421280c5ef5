import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { redactor } from "../../src/git/redact.ts";
import { runGit, streamGit } from "../../src/git/run-git.ts";
import { findProcesses } from "../support/git/find-processes.ts";
import { temporaryFolder } from "../support/git/mirror-fixture.ts";
import { scratchRepository } from "../support/git/scratch-repository.ts";

/** A git that behaves as no real one can be made to. */
async function scriptedGit(script: string) {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "git"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const environment = { PATH: `${folder}:${process.env["PATH"] ?? ""}`, MARK: folder };
  return { folder, options: { environment, redact: redactor([]), timeoutMs: 60_000 } };
}

/** Waits for no one to end: neither it nor what it started listens to a polite signal. */
const stubborn = `trap '' TERM INT
sh -c "trap '' TERM INT; while :; do sleep 1; done" &
echo started
while :; do sleep 1; done`;

test("a process that ignores the signal is killed, with what it started", async () => {
  const { folder, options } = await scriptedGit(stubborn);
  const controller = new AbortController();
  const run = streamGit(["x"], { ...options, signal: controller.signal });
  expect(await run.next()).toMatchObject({ value: Buffer.from("started\n") });
  expect((await findProcesses(folder)).length).toBeGreaterThanOrEqual(2);
  controller.abort();
  await expect(run.next()).rejects.toMatchObject({ kind: "Aborted" });
  expect(await findProcesses(folder)).toEqual([]);
});

test("leaving the output ends the process", async () => {
  const { folder, options } = await scriptedGit("while :; do echo more; done");
  for await (const chunk of streamGit(["x"], options)) {
    expect(chunk.toString()).toContain("more");
    break;
  }
  expect(await findProcesses(folder)).toEqual([]);
});

test("a process that talks without end is read without keeping it all", async () => {
  const { options } = await scriptedGit(
    "i=0; while [ $i -lt 20000 ]; do echo 'fatal: nonsense nonsense' >&2; i=$((i+1)); done; exit 3",
  );
  const ended = await runGit(["x"], options);
  expect(ended.ok).toBe(false);
  expect(ended.stderr.length).toBeLessThanOrEqual(64 * 1024);
  expect(ended.failure()).toMatchObject({ kind: "Transient" });
  expect(ended.failure().message.length).toBeLessThan(2_100);
});

test("a machine without git says so", async () => {
  const folder = await temporaryFolder();
  const options = { environment: { PATH: folder }, redact: redactor([]), timeoutMs: 60_000 };
  const ended = await runGit(["fetch"], options);
  expect(ended.ok).toBe(false);
  expect(ended.failure().message).toContain("ENOENT");
});

test("a process whose descriptors are used up goes on: git is not started, which is worth another try", async () => {
  await using upstream = await scratchRepository();
  const child = fileURLToPath(new URL("../support/git/exhausted-child.ts", import.meta.url));
  const node = [process.execPath, "--conditions=@headstart/source", "--import", "tsx", child];
  const limited = ["-c", 'ulimit -n 256 && exec "$@"', "sh", ...node, upstream.directory, "0", "16"];
  const { stdout } = await promisify(execFile)("sh", limited);
  const answers = JSON.parse(stdout) as string[][];
  expect(answers).toHaveLength(18);
  expect(answers[0]).toEqual(["Transient", "Transient"]);
  expect(new Set(answers.flat())).toEqual(new Set(["Transient", "answered"]));
  expect(answers.at(-1), "once there are some again").toEqual(["answered", "answered"]);
});
