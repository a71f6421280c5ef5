import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { type Measured, printRatios, timed } from "./print-ratios.ts";

const rounds = 7;
const files = 20_000;

/** 20,000 files and 600 MB that are the same at every run: many small ones, and some of 600 kB. */
async function writeCorpus(root: string): Promise<void> {
  const content = Buffer.alloc(600_000);
  let state = 1;
  for (let at = 0; at < content.length; at++) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    content[at] = state >> 16;
  }
  for (let index = 0; index < files; index++) {
    const folder = join(root, `d${Math.floor(index / 1_000)}`, `e${Math.floor(index / 50)}`);
    if (index % 50 === 0) await mkdir(folder, { recursive: true });
    content.writeUInt32LE(index);
    const size = index % 100 === 0 ? content.length : 1_000 + ((index * 7_919) % 48_000);
    await writeFile(join(folder, `file${index}.txt`), content.subarray(0, size));
  }
}

/** A repository that `turbo` takes for a workspace, so that all peers look at the same files. */
async function makeRepository(root: string): Promise<void> {
  await writeCorpus(root);
  const json = async (name: string, content: object): Promise<void> =>
    await writeFile(join(root, name), JSON.stringify(content));
  await json("package.json", {
    name: "corpus",
    private: true,
    packageManager: "npm@11.0.0",
    scripts: { hash: "true" },
  });
  await json("package-lock.json", {
    name: "corpus",
    lockfileVersion: 3,
    packages: { "": { name: "corpus" } },
  });
  await json("turbo.json", { tasks: { hash: {} } });
  await execa("git", ["init", "--quiet"], { cwd: root, env: gitEnvironment });
  await execa("git", ["add", "--all"], { cwd: root, env: gitEnvironment });
  await execa("git", ["-c", "user.name=b", "-c", "user.email=b@b", "commit", "--quiet", "--message=corpus"], {
    cwd: root,
    env: gitEnvironment,
  });
}

const gitEnvironment = { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };

/** Whole processes on both sides: ours pay for starting Node, and tell how long the call itself took. */
function fingerprintProcess(corpus: string, useSource: boolean): (cacheFile?: string) => Promise<Run> {
  const entry = useSource ? "../packages/fingerprint/src/index.ts" : "../packages/fingerprint/dist/index.js";
  const script = `import { fingerprint } from ${JSON.stringify(fileURLToPath(new URL(entry, import.meta.url)))};
    const started = performance.now();
    const [path, cacheFile] = process.argv.slice(1);
    const { filesRead, digest } = await fingerprint({ roots: { corpus: path }, cacheFile });
    console.log(JSON.stringify({ filesRead, digest, callMs: performance.now() - started }));`;
  const loader = useSource ? ["--import", import.meta.resolve("tsx")] : [];
  return async (cacheFile) => {
    const started = performance.now();
    const cache = cacheFile === undefined ? [] : [cacheFile];
    const { stdout } = await execa(process.execPath, [
      ...loader,
      "--input-type=module",
      "-e",
      script,
      corpus,
      ...cache,
    ]);
    const told = JSON.parse(stdout) as Pick<Run, "filesRead" | "digest" | "callMs">;
    return { ...told, processMs: performance.now() - started };
  };
}

interface Run {
  readonly filesRead: number;
  readonly digest: string;
  readonly callMs: number;
  readonly processMs: number;
}

const useSource = process.argv.includes("--source");
const directory = await mkdtemp(join(tmpdir(), "headstart-bench-"));
try {
  const corpus = join(directory, "corpus");
  await makeRepository(corpus);
  const ours = fingerprintProcess(corpus, useSource);
  const cacheFile = join(directory, "stat");
  // The cache trusts no file of the last two seconds.
  while ((await ours(cacheFile)).filesRead > 0);

  const turbo = fileURLToPath(new URL("../node_modules/.bin/turbo", import.meta.url));
  const sums = "find . -name .git -prune -o -type f -print0 | xargs -0 sha256sum >/dev/null";
  const peers = {
    sha256sum: async () => await execa("bash", ["-c", sums], { cwd: corpus }),
    "git status": async () =>
      await execa("git", ["status", "--porcelain"], { cwd: corpus, env: gitEnvironment }),
    "turbo run --dry": async () =>
      await execa(turbo, ["run", "hash", "--dry=json"], {
        cwd: corpus,
        env: { TURBO_TELEMETRY_DISABLED: "1" },
      }),
  };
  const cold: Run[] = [];
  const warm: Run[] = [];
  const times: Record<keyof typeof peers, number[]> = {
    sha256sum: [],
    "git status": [],
    "turbo run --dry": [],
  };
  for (let round = 0; round < rounds; round++) {
    cold.push(await ours());
    times.sha256sum.push(await timed(peers.sha256sum));
    warm.push(await ours(cacheFile));
    times["git status"].push(await timed(peers["git status"]));
    times["turbo run --dry"].push(await timed(peers["turbo run --dry"]));
  }
  if (new Set([...cold, ...warm].map(({ digest }) => digest)).size !== 1)
    throw new Error("the digests differ");
  const peer = (name: keyof typeof peers): Measured => ({ name, ms: times[name] });
  const whole = (name: string, runs: readonly Run[]): Measured => ({
    name,
    ms: runs.map((run) => run.processMs),
  });
  const call = (name: string, runs: readonly Run[]): Measured => ({
    name,
    ms: runs.map((run) => run.callMs),
  });
  const title = `${files.toLocaleString("en")} files, 615 MB, ${useSource ? "from the sources" : "built package"}`;
  printRatios(`Cold: ${title}`, whole("fingerprint, whole process", cold), [peer("sha256sum")]);
  printRatios(`Cold, the call alone`, call("fingerprint()", cold), [peer("sha256sum")]);
  const watchers = [peer("git status"), peer("turbo run --dry")];
  printRatios(`Warm: ${title}`, whole("fingerprint, whole process", warm), watchers);
  printRatios(`Warm, the call alone`, call("fingerprint()", warm), watchers);
} finally {
  await rm(directory, { recursive: true, force: true });
}
