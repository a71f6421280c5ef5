import { Socket } from "node:net";
import pg from "pg";

/** What a pool has on the server. */
export interface OwnSessions {
  /** Ends the pool's connections, present and coming ones, and then what the server still does for them. */
  cutOff(): Promise<void>;
}

/** Milliseconds that the server has to take an order, and for the end of each session. */
const answerMs = 3_000;
const endMs = 2_000;

/**
 * Keeps account of a pool that has no connection yet.
 *
 * @param name what its sessions are called, and nobody else's
 */
export function ownSessions(pool: pg.Pool, name: string): OwnSessions {
  // The pool reads its options whenever it opens a connection.
  const { options } = pool;
  const { onConnect, ...address } = options;
  const sockets = new Set<Socket>();
  let known = false;
  let over = false;
  options.stream = () => {
    const socket = new Socket();
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // Whoever asked for it learns of it once he listens.
    if (over) process.nextTick(() => socket.destroy());
    return socket;
  };
  // It is waited for, which its type does not say.
  // oxlint-disable-next-line typescript/no-misused-promises
  options.onConnect = async (client) => {
    known = true;
    await (onConnect?.(client) as Promise<void> | undefined);
    // Not by the options: what the address says of it counts more.
    await client.query("select set_config('application_name', $1, false)", [name]);
  };
  return {
    cutOff: async () => {
      over = true;
      for (const socket of sockets) socket.destroy();
      if (known) await endSessions(address, name);
    },
  };
}

/**
 * A server that runs or waits for something does not notice that its client is gone. Ended and not cancelled: that
 * reaches a session between two statements, too. And by name: behind a pooler the process that a client is told of is
 * not the server's.
 */
async function endSessions(address: pg.ClientConfig, name: string): Promise<void> {
  const client = new pg.Client({ ...address, connectionTimeoutMillis: answerMs, query_timeout: answerMs });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query(
      "select pg_terminate_backend(pid, $2) from pg_stat_activity where application_name = $1",
      [name, endMs],
    );
  } catch {
    // The server is gone, and our sessions with it; or it cannot be reached, and then it has to notice by itself.
  } finally {
    void client.end().catch(() => undefined);
  }
}
