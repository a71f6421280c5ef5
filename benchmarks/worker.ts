import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedServer } from "@headstart/pg-snapshot";
import { measureLatency } from "./worker/latency.ts";
import { measureMemory } from "./worker/memory.ts";
import { serveGit } from "./worker/serve-git.ts";
import { measureThroughput } from "./worker/throughput.ts";

/** Everything runs on this machine: Postgres, git over HTTP, those who push and look, and one worker. */
const directory = await mkdtemp(join(tmpdir(), "headstart-bench-"));
await chmod(directory, 0o755);
try {
  await using server = await startEmbeddedServer({ directory: join(directory, "postgres") });
  await using git = await serveGit(directory);
  const site = { directory, serverUrl: server.url, gitUrl: git.url };
  await measureLatency(site);
  await measureThroughput(site);
  await measureMemory(site);
} finally {
  await rm(directory, { recursive: true, force: true });
}
