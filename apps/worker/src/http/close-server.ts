import type { Server } from "node:http";

/** How often connections that have fallen idle meanwhile are closed, in milliseconds. */
const SWEEP_MS = 50;

/** Takes no more connections, lets requests under way end, and closes what is idle. Does nothing to a closed one. */
export async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearInterval(sweep);
}
