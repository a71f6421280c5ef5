import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/**
 * Stands before a database or a broker, and can lose all that is said without closing a connection: a network that was
 * cut. It can also let answers wait: a server that is slow.
 */
export interface MuteProxy extends AsyncDisposable {
  /** The server's address by way of the proxy. */
  readonly url: string;
  silent: boolean;
  /** How long each answer takes more, in milliseconds. */
  delayMs: number;
}

export async function openMuteProxy(serverUrl: string): Promise<MuteProxy> {
  const url = new URL(serverUrl);
  const target = { host: url.hostname, port: Number(url.port) };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const answering = connect(target);
    for (const [from, to] of [
      [client, answering],
      [answering, client],
    ] as const) {
      sockets.add(from);
      let passed = Promise.resolve();
      const pass = (bytes: Buffer): void => {
        if (proxy.silent) return;
        const due = performance.now() + (from === answering ? proxy.delayMs : 0);
        passed = passed.then(async () => {
          const wait = due - performance.now();
          if (wait > 0) await delay(wait);
          if (to.writable) to.write(bytes);
        });
      };
      from.on("data", pass);
      from.on("error", () => undefined);
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url.hostname = "127.0.0.1";
  url.port = String((server.address() as AddressInfo).port);
  const proxy: MuteProxy = {
    url: url.href,
    silent: false,
    delayMs: 0,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
  return proxy;
}
