import type { Server } from "node:http";
import type { Socket } from "node:net";

/** How often connections that have fallen idle meanwhile are closed, in milliseconds. */
const SWEEP_MS = 50;

/** Milliseconds; a client that neither asks anything nor takes anything of its answer for so long is cut off. */
const STALL_MS = 2_000;

/**
 * Closes idle connections by what was asked and answered on them. Node goes by what it has parsed: it throws away what
 * a client has not taken yet of an answer that has ended, and waits for ever for one that was opened ahead and never
 * used, as undici and load balancers do.
 */
export function sendBeforeClosing(server: Server): void {
  /** Requests under way; undefined before the first. */
  const open = new Map<Socket, number | undefined>();
  server.on("connection", (socket) => {
    open.set(socket, undefined);
    socket.once("close", () => open.delete(socket));
  });
  server.prependListener("request", ({ socket }, answer) => {
    const add = (count: number): void => {
      if (open.has(socket)) open.set(socket, (open.get(socket) ?? 0) + count);
    };
    add(1);
    answer.once("close", () => add(-1));
  });
  // `server.close` calls it too.
  server.closeIdleConnections = () => {
    for (const [socket, underWay] of open) {
      if (underWay === undefined || socket.writableLength > 0) endAfterSilence(socket, STALL_MS);
      else if (underWay === 0) socket.destroy();
      else endAfterSilence(socket, 0);
    }
  };
}

/** A server's connection ends when this time passes without anything sent or received; 0 is for ever. */
function endAfterSilence(socket: Socket, milliseconds: number): void {
  if (socket.timeout !== milliseconds) socket.setTimeout(milliseconds);
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
