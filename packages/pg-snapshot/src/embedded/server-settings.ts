import { availableParallelism } from "node:os";

/**
 * Settings of a server whose data can be made again: nothing waits for the disk, nothing is logged for a
 * recovery that will not happen. Never for a server that we did not start.
 * https://www.postgresql.org/docs/current/non-durability.html
 */
export function throwawaySettings(port: number): Readonly<Record<string, string>> {
  return {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
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
    jit: "off",
    shared_buffers: "256MB",
    maintenance_work_mem: "128MB",
    max_connections: "200",
    // A large schema restored in one go takes a lock for each of its objects.
    max_locks_per_transaction: "256",
    max_worker_processes: String(Math.max(4, availableParallelism())),
    log_min_messages: "warning",
    logging_collector: "off",
    timezone: "UTC",
  };
}
