import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import type { Projector } from "../../src/projector/projector.ts";
import { notesProjector } from "../support/notes-projector.ts";
import { note, openProject, type Project } from "../support/open-project.ts";

const main = { repository: "handbook", branch: "main" };

const HEAP = "--max-old-space-size=72";

/** Builds what is wanted in a process that has no more memory than that. @returns its exit code and what it said */
async function buildWithin({ databaseUrl, root }: Project): Promise<string> {
  const worker = new URL("../processes/step-worker.ts", import.meta.url).pathname;
  const config = { databaseUrl, mirrors: root, dieAt: "never" };
  const child = spawn(process.execPath, [HEAP, "--conditions=@headstart/source", "--import", "tsx", worker], {
    env: { ...process.env, WORKER_CONFIG: JSON.stringify(config) },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2_000)));
  await once(child, "close");
  return child.exitCode === 0 ? "built" : said;
}

/** 600 KB, of which Postgres stores a hundredth. */
const large = (n: number): string => note(`${n} `.repeat(600_000 / `${n} `.length));

test("the files of a batch are not in memory together, neither parsed nor out of the cache", async () => {
  await using project = await openProject();
  const { upstream, materializer, db } = project;
  const numbers = Array.from({ length: 60 }, (_, n) => n);
  await upstream.commit(
    "main",
    Object.fromEntries(numbers.map((n) => [`notes/u${n % 40}/${n}.json`, large(n)])),
  );
  expect(await buildWithin(project)).toBe("built");
  const moved = numbers.flatMap((n): [string, string | null][] => [
    [`notes/u${n % 40}/${n}.json`, null],
    [`notes/v${n % 40}/${n}.json`, large(n)],
  ]);
  await upstream.commit("main", Object.fromEntries(moved));
  expect(await buildWithin(project)).toBe("built");
  expect(await materializer.verify(main)).toMatchObject({ current: true, differences: [] });
  const { rows } = await db.query(
    "select blobs_parsed as parsed, blobs_reused as reused from headstart_materializer.versions order by id",
  );
  expect(rows).toEqual([
    { parsed: 60, reused: 0 },
    { parsed: 0, reused: 60 },
  ]);
});

test("a unit with more documents than are held in memory is an error of the content, and of no other unit", async () => {
  const parse: Projector["parse"] = (bytes) => ({
    document: { text: Buffer.from(bytes).toString() + "x".repeat(2 * 2 ** 20), links: [] },
    problems: [],
  });
  await using project = await openProject({
    projectors: [{ ...notesProjector({ policy: "lenient" }), parse }],
  });
  const { upstream, materializer, db } = project;
  const big = Array.from({ length: 80 }, (_, n) => [`notes/big/${n}.json`, note(`${n}`)]);
  const files = { "notes/a/x.json": note("x"), ...Object.fromEntries(big), "notes/z/y.json": note("y") };
  await upstream.commit("main", files);
  await project.settle();
  expect(Object.keys(await project.notes("main"))).toEqual(["a/x.json", "z/y.json"]);
  const { rows } = await db.query(
    "select unit, path, code, severity from headstart_materializer.version_issues",
  );
  expect(rows).toEqual([
    { unit: "big", path: "notes/big/0.json", code: "unit-too-large", severity: "error" },
  ]);
  expect(await materializer.verify(main)).toMatchObject({ current: true, differences: [] });
});
