import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { closeServer, letConnectionsGo } from "../../src/http/close-server.ts";
import { createServer } from "../../src/http/create-server.ts";
import { listenOn } from "../../src/http/listen-on.ts";
import { statusRoutes } from "../../src/status/status-routes.ts";
import { StatusStore } from "../../src/status/status-store.ts";
import { openIntake } from "../support/intake.ts";

test("a viewer that has stopped reading does not keep the server from closing", async () => {
  await using intake = await openIntake();
  const store = new StatusStore({ worker: "w", actions: false });
  const ending = new AbortController();
  const status = { store, join: () => () => undefined, snapshot: async () => await Promise.resolve(store) };
  const server = createServer(intake.context, [
    statusRoutes({ ...intake.context, ending: ending.signal }, status),
  ]);
  const connected = once(server, "connection") as Promise<[Socket]>;
  const url = await listenOn(server, { host: "127.0.0.1", port: 0 });
  const asking = get(`${url}/live?since=${store.id}`);
  const [answer] = (await once(asking, "response")) as [IncomingMessage];
  onTestFinished(() => void answer.destroy());
  // It is cut off.
  answer.on("error", () => undefined);
  const [socket] = await connected;
  // More than the system takes for a client that reads nothing.
  const at = "2026-01-01T00:00:00.000Z";
  const rest = { pid: 1, version: "1", concurrency: 4, building: 0, draining: false, failingLoops: [] };
  store.put("workers", { id: "a", host: "x".repeat(32 * 2 ** 20), startedAt: at, seenAt: at, ...rest });
  store.commit();
  await expect.poll(() => socket.writableLength).toBeGreaterThan(2 ** 20);
  ending.abort();
  letConnectionsGo(server);
  await closeServer(server);
});
