import type { Server } from "node:http";
import type { Socket } from "node:net";

/** How often connections that have fallen idle meanwhile are closed, in milliseconds. */
const SWEEP_MS = 50;

/** Milliseconds; a client that takes nothing of its answer from one look to the next is cut off. */
const STALL_MS = 2_000;

/**
 * Node takes a connection for idle as soon as its answer has ended, and closing it throws away what the client has not
 * taken yet. Here idle ones are closed once every client has all of its answer, or takes no more of it.
 */
export function sendBeforeClosing(server: Server): void {
  const open = new Set<Socket>();
  server.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  const closeIdle = server.closeIdleConnections.bind(server);
  // `server.close` calls it too.
  server.closeIdleConnections = () => {
    const sending = [...open].filter(({ writableLength }) => writableLength > 0);
    if (sending.length === 0) return closeIdle();
    // A server's connection ends when this time passes without progress.
    for (const socket of sending) if (socket.timeout !== STALL_MS) socket.setTimeout(STALL_MS);
  };
}

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
