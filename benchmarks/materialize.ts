import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createMaterializer, defineProjector, type Materializer } from "@headstart/materializer";
import { startEmbeddedServer } from "@headstart/pg-snapshot";
import { execa } from "execa";
import pg from "pg";
import { simpleGit } from "simple-git";
import { z } from "zod";
import { printRatios, timed } from "./print-ratios.ts";

const files = 20_000;
const rounds = 5;
/** What takes a tenth of a second is done more often. */
const smallRounds = 15;
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
    await using materializer = open(db, "mirrors");
    await materializer.migrate();
    await register(materializer, "bench");
    // Fetched before, as the plain commands have the objects too.
    await materializer.observe("bench");
    const full: number[] = [];
    const plain: number[] = [];
    const first: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await forget(db);
      first.push(await fromNothing(db, round));
      await forget(db);
      full.push(await timed(() => buildDue(materializer)));
      plain.push(await timed(readPlainly));
    }
    const one = await small(materializer, commitOne);
    const draft = await small(materializer, async (round) => {
      await git(["update-ref", `refs/heads/drafts/${round}`, "refs/heads/main"]);
    });
    const versions = await materializer.history({ repository: "bench", branch: "drafts/0" });
    const perFile = (await timed(readOneByOne)) * (files / sample);
    const built = { name: `full build of ${files} files`, ms: full };
    const observed = { name: `clone and full build of ${files} files`, ms: first };
    printRatios("A full build", built, [
      { name: "git ls-tree + git cat-file --batch", ms: plain },
      { name: `simple-git, a call a file (${sample} of them, projected)`, ms: [perFile] },
    ]);
    printRatios("A commit of one file, built and published", { name: "one file", ms: one.built }, [built]);
    printRatios("The same, from the push on", { name: "one file", ms: one.observed }, [observed, built]);
    printRatios("A new draft at main's tip, built and published", { name: "draft", ms: draft.built }, [
      built,
    ]);
    printRatios("The same, from the push on", { name: "draft", ms: draft.observed }, [observed, built]);
    console.log(`\nBlobs parsed for such a draft: ${versions[0]?.blobsParsed}`);
    await throughput(db, server.url);
    await db.end();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function open(db: pg.Pool, mirrors: string): Materializer {
  const root = join(directory, mirrors);
  return createMaterializer({ db, projectors: [projector], mirrors: { root, protocols: ["file"] } });
}

async function register(materializer: Materializer, name: string): Promise<void> {
  await materializer.register({ name, url: pathToFileURL(upstream).href, projector: "bench" });
}

/** A repository that nothing is known of yet, observed and published: milliseconds. */
async function fromNothing(db: pg.Pool, round: number): Promise<number> {
  await using materializer = open(db, `first-${round}`);
  await register(materializer, `first-${round}`);
  return await timed(async () => {
    await materializer.observe(`first-${round}`);
    await buildDue(materializer);
  });
}

/** Times of one small change after the other: `built` alone, and `observed` with what comes before it. */
async function small(
  materializer: Materializer,
  change: (round: number) => Promise<void>,
): Promise<{ built: number[]; observed: number[] }> {
  const times: { built: number[]; observed: number[] } = { built: [], observed: [] };
  for (let round = 0; round < smallRounds; round += 1) {
    await change(round);
    const observing = await timed(() => materializer.observe("bench"));
    const building = await timed(() => buildDue(materializer));
    times.built.push(building);
    times.observed.push(observing + building);
  }
  return times;
}

async function buildDue(materializer: Materializer): Promise<void> {
  for (;;) {
    const leases = await materializer.claim({ limit: 4 });
    if (leases.length === 0) return;
    await Promise.all(leases.map(async (lease) => await materializer.materialize(lease)));
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
    await using materializer = open(db, "mirrors");
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
  await buildDue(materializer);
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

/** Takes everything away that a build could use again, and who was registered for one. */
async function forget(db: pg.Pool): Promise<void> {
  await db.query(
    `update headstart_materializer.branches
     set served_version = null, latest_version = null, materialized_seq = 0, dirty = true, due_at = now()`,
  );
  await db.query("delete from headstart_materializer.versions");
  await db.query("delete from headstart_materializer.segments");
  await db.query("truncate headstart_materializer.blob_documents");
  await db.query("delete from headstart_materializer.repositories where name like 'first-%'");
}
