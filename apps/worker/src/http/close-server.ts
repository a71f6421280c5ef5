import type { Server } from "node:http";

/** How often connections that have fallen idle meanwhile are closed, in milliseconds. */
const SWEEP_MS = 50;

/**
 * From now on each answer is the last one of its connection, so that none is left on which a client could send just
 * when the server closes.
 */
export function letConnectionsGo(server: Server): void {
  server.prependListener("request", (_, answer) => {
    answer.shouldKeepAlive = false;
  });
}

/** Takes no more connections, lets requests under way end, and closes what is idle. Does nothing to a closed one. */
export async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearInterval(sweep);
}
