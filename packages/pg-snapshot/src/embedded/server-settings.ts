import { createHash } from "node:crypto";
import { statfs } from "node:fs/promises";

/**
 * Settings of a server whose data can be made again: nothing waits for the disk, nothing is logged for a
 * recovery that will not happen. Never for a server that we did not start.
 * https://www.postgresql.org/docs/current/non-durability.html
 */
export const throwawaySettings: Readonly<Record<string, string>> = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  // Data loaded into a table made in the same transaction is not logged at all then.
  wal_level: "minimal",
  max_wal_senders: "0",
  max_wal_size: "4GB",
  checkpoint_timeout: "1h",
  // Templates are analysed before they are sealed; a worker in a database would only delay its cloning.
  autovacuum: "off",
  // Test queries are short: compiling them costs more than it gives.
  jit: "off",
  shared_buffers: "256MB",
  maintenance_work_mem: "128MB",
  max_connections: "200",
  // A large schema restored in one go takes a lock for each of its objects.
  max_locks_per_transaction: "256",
  log_min_messages: "warning",
  log_checkpoints: "off",
  logging_collector: "off",
  // The log is read for the reason of a failed start.
  lc_messages: "C",
  TimeZone: "UTC",
};

/** What no caller may change: the server is this machine's, by password, on a port of its own. */
export const accessSettings: Readonly<Record<string, string>> = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  password_encryption: "scram-sha-256",
};

/** Bytes of `/dev/shm` below which it is a container's default (64 MB) and too little for parallel queries. */
const ampleSharedMemoryBytes = 256 * 1024 * 1024;

/** Settings that depend on the machine and not on what the caller wants. */
export async function machineSettings(): Promise<Readonly<Record<string, string>>> {
  if (process.platform !== "linux") return {};
  const { bsize, blocks } = await statfs("/dev/shm").catch(() => ({ bsize: 0, blocks: 0 }));
  return bsize * blocks < ampleSharedMemoryBytes ? { dynamic_shared_memory_type: "mmap" } : {};
}

/**
 * The folder name of a server's data: another major version cannot read it, and a caller who asks for other
 * settings must not get a server that runs with these.
 */
export function dataFolderName(major: number, settings: Readonly<Record<string, string>>): string {
  const text = JSON.stringify(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1)));
  return `data-${major}-${createHash("sha256").update(text).digest("hex").slice(0, 8)}`;
}

/** The major version of a name made by {@link dataFolderName}. */
export function majorOfDataFolder(name: string): number | undefined {
  const digits = /^data-(\d+)-[0-9a-f]{8}$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
