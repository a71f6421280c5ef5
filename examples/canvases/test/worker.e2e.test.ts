import { existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { expect, test } from "vitest";

interface Status {
  readonly branches: readonly {
    readonly branch: string;
    readonly state: string;
  }[];
}

test("the worker follows the repository of canvases, takes a push, and leaves nothing behind", async () => {
  const worker = execa("node", ["--import", "tsx", "worker/main.ts"], {
    reject: false,
    forceKillAfterDelay: false,
  });
  try {
    const said = await saidOf(worker.stdout);
    const url = said.match(/status page\s+(http\S+)/)?.[1] ?? "";
    const repository = said.match(/follows (\S+)/)?.[1] ?? "";
    const settled = await statusWhen(url, ({ branches }) => branches.length >= 6 && branches.every(isDone));
    expect(settled.branches.find(({ branch }) => branch === "main")).toMatchObject({ state: "ready" });
    expect(settled.branches.find(({ branch }) => branch === "drafts/broken-lantern")).toMatchObject({
      state: "error",
    });
    await execa("git", ["push", "--quiet", repository, "main:refs/heads/drafts/mine"], { cwd: repository });
    await statusWhen(url, ({ branches }) =>
      branches.some(({ branch, state }) => branch === "drafts/mine" && state === "ready"),
    );
    worker.kill("SIGTERM");
    expect(await worker).toMatchObject({ exitCode: 0 });
    expect(existsSync(repository)).toBe(false);
  } finally {
    worker.kill("SIGTERM");
    await worker;
  }
});

function isDone({ state }: Status["branches"][number]): boolean {
  return state === "ready" || state === "error";
}

/** Everything up to the last line of the introduction. */
async function saidOf(output: NodeJS.ReadableStream): Promise<string> {
  let said = "";
  for await (const part of output) {
    said += String(part);
    if (said.includes("Ctrl-C ends")) return said;
  }
  throw new Error(`it ended before it listened:\n${said}`);
}

async function statusWhen(url: string, holds: (status: Status) => boolean): Promise<Status> {
  for (;;) {
    const answer = await fetch(new URL("status", url));
    const status = (await answer.json()) as Status;
    if (answer.ok && holds(status)) return status;
    await pause(50);
  }
}
