import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { startEmbeddedServer } from "@headstart/pg-snapshot";
import { createContentRepository } from "../content/create-content-repository.ts";

const configuration = fileURLToPath(new URL("headstart-worker.config.ts", import.meta.url));
const program = join(
  dirname(createRequire(import.meta.url).resolve("@headstart/worker/package.json")),
  "bin/headstart-worker.js",
);

process.exitCode = await main();

/** A repository, a database and a worker that follows one into the other, until Ctrl-C; then nothing of them is left. */
async function main(): Promise<number> {
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => stopping.abort());
  const folder = await mkdtemp(join(tmpdir(), "canvases-worker-"));
  await chmod(folder, 0o755);
  try {
    await using server = await startEmbeddedServer({ directory: join(folder, "server") });
    const repository = join(folder, "content.git");
    process.stderr.write("making a repository of canvases …\n");
    await createContentRepository(repository, { signal: stopping.signal });
    return await follow(
      repository,
      { database: server.url, mirrors: join(folder, "mirrors") },
      stopping.signal,
    );
  } catch (error) {
    if (stopping.signal.aborted) return 0;
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Places {
  readonly database: string;
  readonly mirrors: string;
}

/** @returns the worker's exit code */
async function follow(repository: string, places: Places, stop: AbortSignal): Promise<number> {
  const worker = spawn(process.execPath, [program, "--config", configuration], {
    // A group of its own: Ctrl-C reaches it once, from here.
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      HEADSTART_WORKER_PORT: "0",
      ...process.env,
      START_REPOSITORY_MATERIALIZER: "yes",
      DATABASE_URL: places.database,
      CONTENT_URL: pathToFileURL(repository).href,
      MIRRORS: places.mirrors,
    },
  });
  const ended = once(worker, "exit") as Promise<[number | null]>;
  const end = (): void => void worker.kill("SIGTERM");
  stop.addEventListener("abort", end, { once: true });
  if (stop.aborted) end();
  for await (const line of createInterface({ input: worker.stdout })) tell(line, repository);
  const [code] = await ended;
  return code ?? 1;
}

/** What of the worker's log is worth a line here. */
function tell(line: string, repository: string): void {
  const { event, level, ...facts } = JSON.parse(line) as { event: string; level: string; url?: string };
  if (event === "worker.listening") process.stdout.write(introduction(facts.url ?? "", repository));
  else if (level !== "info") process.stderr.write(`${line}\n`);
}

function introduction(url: string, repository: string): string {
  return `
The worker follows ${repository}

  status page   ${url}/
  as JSON       ${url}/status
  metrics       ${url}/metrics

Push something, and watch it arrive:

  git clone ${repository} canvases && cd canvases
  git switch --create drafts/mine && git commit --allow-empty --message "a draft" && git push origin drafts/mine

Ctrl-C ends the worker and takes all of it away.
`;
}
