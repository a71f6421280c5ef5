/**
 * How each of our sessions is set. Given as it connects, these win over what `ALTER ROLE` and `ALTER DATABASE` set:
 * limits meant for an application's queries would end a long copy, or an owner's session that waits for a build.
 */
const settings: Readonly<Record<string, string>> = {
  statement_timeout: "0",
  lock_timeout: "0",
  idle_session_timeout: "0",
  idle_in_transaction_session_timeout: "0",
  // Within 25 seconds the server notices that a machine is gone, and lets go of its locks. Seconds; on a Unix
  // socket they are ignored.
  tcp_keepalives_idle: "10",
  tcp_keepalives_interval: "5",
  tcp_keepalives_count: "3",
};

/**
 * Command-line options for a session of the server, as in `PGOPTIONS`.
 *
 * @param more settings besides; neither names nor values have spaces
 */
export function startupOptions(more: Readonly<Record<string, string>> = {}): string {
  return Object.entries({ ...settings, ...more })
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(" ");
}
