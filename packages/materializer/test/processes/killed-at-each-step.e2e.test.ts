import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { note, openProject } from "../support/open-project.ts";
import { expireLeases, makeDue } from "../support/take-over.ts";

const steps = [
  "observation half recorded",
  "observed",
  "claimed",
  "segment started",
  "rows written",
  "built",
  "version inserted",
  "event appended",
  "published",
];

/** Over HTTP those alone at which git has just been talked to: what comes after is the same. */
const transports = [
  ["file", steps],
  ["http", ["observed", "built"]],
] as const;

const property =
  "over %s, killed at any step, readers see the commit before or the one after, and the next worker finishes";

test.each(transports)(property, async (over, someSteps) => {
  await using project = await openProject({ over });
  const { upstream, materializer, db } = project;
  const root = await mkdtemp(join(tmpdir(), "headstart-mirrors-"));
  await upstream.commit("main", { "notes/a/x.json": note("start"), "notes/a/y.json": note("start") });
  await project.settle();
  let before = "start";
  for (const step of someSteps) {
    await upstream.commit("main", { "notes/a/x.json": note(step), "notes/a/y.json": note(step) });
    await makeDue(db);
    expect(await runUntil(step, { databaseUrl: project.databaseUrl, mirrors: root })).toBe("SIGKILL");
    const served = Object.values(await project.notes("main"));
    expect(
      [
        [before, before],
        [step, step],
      ],
      step,
    ).toContainEqual(served);
    await expireLeases(db);
    await db.query("update headstart_materializer.repositories set observe_until = null");
    await makeDue(db);
    await project.settle();
    expect(await project.notes("main")).toEqual({ "a/x.json": step, "a/y.json": step });
    before = step;
  }
  const main = { repository: "handbook", branch: "main" };
  expect(await materializer.verify(main)).toMatchObject({ current: true, differences: [] });
  const { rows } = await db.query("select id from headstart_materializer.segments where not sealed");
  expect(rows, "no half-written segment outlives the next build").toEqual([]);
  const positions: number[] = [];
  await materializer.consume({
    consumer: "test",
    handler: async ({ position }) => void positions.push(position),
  });
  expect(positions).toEqual(Array.from({ length: someSteps.length + 1 }, (_, n) => n + 1));
  await rm(root, { recursive: true, force: true });
});

async function runUntil(dieAt: string, config: object): Promise<NodeJS.Signals | null> {
  const child = spawn(
    process.execPath,
    [
      "--conditions=@headstart/source",
      "--import",
      "tsx",
      new URL("step-worker.ts", import.meta.url).pathname,
    ],
    {
      env: { ...process.env, WORKER_CONFIG: JSON.stringify({ ...config, dieAt }) },
      stdio: ["ignore", "ignore", "inherit"],
    },
  );
  const [, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return signal;
}
