import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createMaterializer, defineProjector } from "@headstart/materializer";
import { startEmbeddedServer } from "@headstart/pg-snapshot";
import { execa } from "execa";
import pg from "pg";
import { simpleGit } from "simple-git";
import { z } from "zod";
import { printRatios, timed } from "./print-ratios.ts";

const files = 20_000;
const rounds = 5;
const sample = 200;
const branches = 1_000;

/** Folders of ten JSON files of about a kilobyte, one unit each. */
const projector = defineProjector({
  name: "bench",
  revision: "1",
  kinds: {
    item: {
      match: "items/**/*.json",
      format: "json",
      schema: z.object({ id: z.number(), text: z.string() }),
    },
  },
  assemble: (_, found) => ({
    rows: found.map(({ path, document }) => ({ collection: "item", key: path, data: document })),
  }),
});

function content(id: number, version: number): string {
  return JSON.stringify({ id, text: `${version} ${"some words of text ".repeat(50)}${id}` });
}

const directory = await mkdtemp(join(tmpdir(), "headstart-bench-"));
const upstream = join(directory, "upstream");
await chmod(directory, 0o755);

const worker = process.env["BENCH_WORKER"];
if (worker !== undefined) await work(JSON.parse(worker) as { url: string; root: string });
else await measure();

async function measure(): Promise<void> {
  try {
    await makeUpstream();
    await using server = await startEmbeddedServer({ directory });
    const db = new pg.Pool({ connectionString: server.url, max: 4 });
    const materializer = createMaterializer({
      db,
      projectors: [projector],
      mirrors: { root: join(directory, "mirrors"), protocols: ["file"] },
    });
    await materializer.migrate();
    await materializer.register({ name: "bench", url: pathToFileURL(upstream).href, projector: "bench" });
    const runner = materializer.inProcessRunner();
    // Fetched before, as the plain commands have the objects too.
    await materializer.observe("bench");
    const full: number[] = [];
    const plain: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      full.push(await timed(() => runner.settle("bench")));
      plain.push(await timed(readPlainly));
      await forget(db);
    }
    full.push(await timed(() => runner.settle("bench")));
    const one: number[] = [];
    const draft: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await commitOne(round);
      one.push(await timed(() => runner.settle("bench")));
      await git(["update-ref", `refs/heads/drafts/${round}`, "refs/heads/main"]);
      draft.push(await timed(() => runner.settle("bench")));
    }
    const versions = await materializer.history({ repository: "bench", branch: "drafts/0" });
    const perFile = (await timed(readOneByOne)) * (files / sample);
    const ours = { name: `full build of ${files} files`, ms: full };
    printRatios("A full build", ours, [
      { name: "git ls-tree + git cat-file --batch", ms: plain },
      { name: `simple-git, a call a file (${sample} of them, projected)`, ms: [perFile] },
    ]);
    printRatios("A commit of one file, observed and published", { name: "one file", ms: one }, [ours]);
    printRatios("A new draft at main's tip, observed and published", { name: "draft", ms: draft }, [ours]);
    console.log(`\nBlobs parsed for such a draft: ${versions[0]?.blobsParsed}`);
    await throughput(db, server.url);
    await materializer[Symbol.asyncDispose]();
    await db.end();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Publishes branches with more and more processes; each has its commit, and all share most blobs. */
async function throughput(db: pg.Pool, url: string): Promise<void> {
  console.log(
    "\n### Publishing, by processes\n\n| processes | branches a second | of one process |\n|--:|--:|--:|",
  );
  let alone = Number.NaN;
  for (const processes of [1, 2, 4, 8]) {
    const tip = (await git(["rev-parse", "refs/heads/main"])).trim();
    await importBranches(processes, tip);
    const materializer = createMaterializer({
      db,
      projectors: [projector],
      mirrors: { root: join(directory, "mirrors"), protocols: ["file"] },
    });
    await materializer.observe("bench");
    const workers = Array.from({ length: processes }, () =>
      spawn(process.execPath, [...process.execArgv, import.meta.filename], {
        env: { ...process.env, BENCH_WORKER: JSON.stringify({ url, root: join(directory, "mirrors") }) },
        stdio: ["pipe", "pipe", "inherit"],
      }),
    );
    await Promise.all(workers.map(async (child) => await once(child.stdout, "data")));
    const ms = await timed(async () => {
      for (const child of workers) child.stdin.end("go\n");
      await Promise.all(workers.map(async (child) => await once(child, "exit")));
    });
    const rate = branches / (ms / 1000);
    if (processes === 1) alone = rate;
    console.log(`| ${processes} | ${rate.toFixed(0)} | ${(rate / alone).toFixed(2)} |`);
    await materializer[Symbol.asyncDispose]();
  }
}

/** One process that builds until nothing is due. */
async function work({ url, root }: { url: string; root: string }): Promise<void> {
  const db = new pg.Pool({ connectionString: url, max: 4 });
  await using materializer = createMaterializer({
    db,
    projectors: [projector],
    mirrors: { root, protocols: ["file"] },
  });
  await db.query("select 1");
  process.stdout.write("ready\n");
  await once(process.stdin, "data");
  for (;;) {
    const leases = await materializer.claim({ limit: 4 });
    if (leases.length === 0) break;
    await Promise.all(leases.map(async (lease) => await materializer.materialize(lease)));
  }
  await db.end();
  await rm(directory, { recursive: true, force: true });
}

async function git(args: readonly string[], input = ""): Promise<string> {
  const { stdout } = await execa("git", ["--git-dir", upstream, ...args], { input, maxBuffer: 1 << 30 });
  return stdout;
}

function person(time: number): string {
  return `committer Bench <bench@example.org> ${1_700_000_000 + time} +0000`;
}

async function makeUpstream(): Promise<void> {
  await execa("git", ["init", "--quiet", "--bare", "--initial-branch=main", upstream]);
  const parts = [`commit refs/heads/main\n${person(0)}\ndata 4\nfull\n`];
  for (let id = 0; id < files; id += 1) {
    const text = content(id, 0);
    parts.push(`M 100644 inline items/${Math.floor(id / 10)}/${id}.json\ndata ${text.length}\n${text}\n`);
  }
  await git(["fast-import", "--quiet"], parts.join(""));
}

async function commitOne(round: number): Promise<void> {
  const text = content(round, round + 1);
  await git(
    ["fast-import", "--quiet"],
    `commit refs/heads/main\n${person(round + 1)}\ndata 3\none\nfrom refs/heads/main^0\nM 100644 inline items/${round}/${round * 10}.json\ndata ${text.length}\n${text}\n`,
  );
}

async function importBranches(processes: number, tip: string): Promise<void> {
  const parts: string[] = [];
  for (let n = 0; n < branches; n += 1) {
    const text = content(n, 1000 * processes + n);
    parts.push(
      `commit refs/heads/drafts/p${processes}-${n}\n${person(100 + n)}\ndata 1\nb\nfrom ${tip}\nM 100644 inline items/${n}/${n * 10}.json\ndata ${text.length}\n${text}\n`,
    );
  }
  await git(["fast-import", "--quiet"], parts.join(""));
}

/** The same bytes by git's own commands: every name, size and blob of the tree. */
async function readPlainly(): Promise<void> {
  const listing = await git(["ls-tree", "-r", "-l", "-z", "refs/heads/main"]);
  const oids = listing
    .split("\0")
    .filter(Boolean)
    .map((line) => line.slice(12, 52));
  const list = join(directory, "oids");
  await writeFile(list, `${oids.join("\n")}\n`);
  await execa("git", ["--git-dir", upstream, "cat-file", "--batch"], { inputFile: list, stdout: "ignore" });
}

async function readOneByOne(): Promise<void> {
  const repository = simpleGit({ baseDir: upstream });
  for (let id = 0; id < sample; id += 1) {
    await repository.show([`refs/heads/main:items/${Math.floor(id / 10)}/${id}.json`]);
  }
}

/** Takes everything away that a build could use again. */
async function forget(db: pg.Pool): Promise<void> {
  await db.query(
    `update headstart_materializer.branches
     set served_version = null, latest_version = null, materialized_seq = 0, dirty = true, due_at = now()`,
  );
  await db.query("delete from headstart_materializer.versions");
  await db.query("delete from headstart_materializer.segments");
  await db.query("truncate headstart_materializer.blob_documents");
}
