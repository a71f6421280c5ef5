import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { printRatios, timed } from "./print-ratios.ts";

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

const directory = await mkdtemp(join(tmpdir(), "headstart-bench-"));
try {
  const corpus = join(directory, "corpus");
  await writeCorpus(corpus);
  const git = { cwd: corpus, env: { GIT_CONFIG_GLOBAL: "/dev/null" } };
  await execa("git", ["init", "--quiet"], git);
  await execa("git", ["add", "--all"], git);
  await execa(
    "git",
    ["-c", "user.name=b", "-c", "user.email=b@b", "commit", "--quiet", "--message=corpus"],
    git,
  );
  await writeFile(
    join(corpus, "package.json"),
    JSON.stringify({ name: "corpus", packageManager: "npm@11.0.0", workspaces: [] }),
  );
  await writeFile(
    join(corpus, "package-lock.json"),
    JSON.stringify({ name: "corpus", lockfileVersion: 3, packages: {} }),
  );
  await writeFile(join(corpus, "turbo.json"), JSON.stringify({ tasks: { "//#hash": {} } }));

  // Whole processes on both sides: ours pay for starting Node.
  const built = fileURLToPath(new URL("../packages/fingerprint/dist/index.js", import.meta.url));
  const script = `import { fingerprint } from ${JSON.stringify(built)};
    await fingerprint({ roots: { corpus: process.argv[1] }, cacheFile: process.argv[2] });`;
  const ours = async (...cache: string[]): Promise<number> =>
    await timed(
      async () => await execa(process.execPath, ["--input-type=module", "-e", script, corpus, ...cache]),
    );
  const cacheFile = join(directory, "stat");
  const turbo = fileURLToPath(new URL("../node_modules/.bin/turbo", import.meta.url));
  const times = {
    cold: [] as number[],
    warm: [] as number[],
    sha256sum: [] as number[],
    status: [] as number[],
    turbo: [] as number[],
  };
  await ours(cacheFile);
  await ours(cacheFile);
  for (let round = 0; round < rounds; round++) {
    times.cold.push(await ours());
    times.sha256sum.push(
      await timed(
        async () =>
          await execa(
            "bash",
            ["-c", "find . -name .git -prune -o -type f -print0 | xargs -0 sha256sum >/dev/null"],
            { cwd: corpus },
          ),
      ),
    );
    times.warm.push(await ours(cacheFile));
    times.status.push(await timed(async () => await execa("git", ["status", "--porcelain"], git)));
    times.turbo.push(
      await timed(
        async () => await execa(turbo, ["run", "hash", "--dry=json"], { cwd: corpus, reject: false }),
      ),
    );
  }
  const title = `${files.toLocaleString("en")} files, 600 MB`;
  printRatios(`Cold fingerprint of ${title}`, { name: "fingerprint, cold", ms: times.cold }, [
    { name: "sha256sum", ms: times.sha256sum },
  ]);
  printRatios(`Warm fingerprint of ${title}`, { name: "fingerprint, warm", ms: times.warm }, [
    { name: "git status", ms: times.status },
    { name: "turbo run --dry", ms: times.turbo },
  ]);
} finally {
  await rm(directory, { recursive: true, force: true });
}
