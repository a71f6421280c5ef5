import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedServer } from "@headstart/pg-snapshot";

export interface DurableServer extends AsyncDisposable {
  readonly url: string;
  /** A folder of this run, open to the account that the server runs as. */
  readonly directory: string;
  readonly dataDirectory: string;
}

/** A server that keeps what it commits, as one in production does: unlike the throwaway servers of tests. */
export async function startDurableServer(): Promise<DurableServer> {
  const directory = await mkdtemp(join(tmpdir(), "headstart-scale-"));
  await chmod(directory, 0o755);
  const embedded = await startEmbeddedServer({ directory, settings: durable });
  return {
    url: embedded.url,
    directory,
    dataDirectory: embedded.dataDirectory,
    [Symbol.asyncDispose]: async () => {
      await embedded.leave();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const durable = {
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  wal_level: "replica",
  autovacuum: "on",
  checkpoint_timeout: "5min",
  max_wal_size: "8GB",
  shared_buffers: "2GB",
  effective_cache_size: "8GB",
  random_page_cost: "1.1",
};
