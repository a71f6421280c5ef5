import { once } from "node:events";
import { Agent, get, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { Hono } from "hono";
import { expect, onTestFinished, test } from "vitest";
import { closeServer, letConnectionsGo } from "../../src/http/close-server.ts";
import { createServer } from "../../src/http/create-server.ts";
import { listenOn } from "../../src/http/listen-on.ts";
import { createLog, type Log } from "../../src/log.ts";

const lines: string[] = [];
const log: Log = createLog({ write: (line) => lines.push(line), redact: (text) => text });

async function serve(part: Hono) {
  const server = createServer({ log }, [part]);
  const url = await listenOn(server, { host: "127.0.0.1", port: 0 });
  onTestFinished(async () => await closeServer(server));
  return { server, url };
}

test("every answer, a failure's too, forbids the browser what is not ours", async () => {
  const part = new Hono();
  part.get("/fails", () => {
    throw new Error("secret inner words");
  });
  const { url } = await serve(part);
  for (const [path, status] of [
    ["/fails", 500],
    ["/absent", 404],
  ] as const) {
    const answer = await fetch(`${url}${path}`);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-security-policy")).toMatch(
      /default-src 'none'.*frame-ancestors 'none'/,
    );
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(answer.headers.get("x-frame-options")).toBe("DENY");
    expect(await answer.text()).not.toContain("inner words");
  }
  expect(lines.some((line) => line.includes("http.failed") && line.includes("secret inner words"))).toBe(
    true,
  );
});

test("headers beyond 16 KiB are refused", async () => {
  const { url } = await serve(new Hono());
  const answer = await fetch(url, { headers: { "x-long": "x".repeat(20_000) } });
  expect(answer.status).toBe(431);
});

test("a client that does not send its headers in time is cut off", { timeout: 40_000 }, async () => {
  const { server, url } = await serve(new Hono());
  expect([server.headersTimeout, server.requestTimeout]).toEqual([10_000, 30_000]);
  server.headersTimeout = 500;
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nhost: x\r\nx-slow: ");
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString()).toContain("408 Request Timeout");
});

test("closing lets requests that are under way end, and waits for no idle connection", async () => {
  const part = new Hono();
  let answer: ((text: string) => void) | undefined;
  const asked = new Promise<void>((resolve) => {
    part.get("/slow", async (context) => {
      const text = new Promise<string>((give) => (answer = give));
      resolve();
      return context.text(await text);
    });
  });
  const { server, url } = await serve(part);
  await fetch(`${url}/absent`);
  const slow = fetch(`${url}/slow`);
  await asked;
  const closed = closeServer(server);
  await expect(fetch(`${url}/slow`)).rejects.toThrow();
  answer?.("done");
  expect(await (await slow).text()).toBe("done");
  await closed;
});

/** A server of one large answer, and a client that was sent its beginning and takes no more of it for now. */
async function serveSlowly() {
  const large = "x".repeat(32 * 2 ** 20);
  const part = new Hono();
  part.get("/large", (context) => context.text(large));
  const { server, url } = await serve(part);
  const asking = get(`${url}/large`);
  const [answer] = (await once(asking, "response")) as [IncomingMessage];
  // It may be cut off.
  asking.on("error", () => undefined);
  answer.on("error", () => undefined);
  return { server, answer, bytes: large.length };
}

test("closing lets a client that reads slowly have the whole answer", async () => {
  const { server, answer, bytes } = await serveSlowly();
  const closed = closeServer(server);
  let taken = 0;
  for await (const chunk of answer) taken += (chunk as Buffer).length;
  expect(taken).toBe(bytes);
  await closed;
});

test("closing does not wait for a client that takes nothing of its answer any more", async () => {
  const { server, answer } = await serveSlowly();
  await closeServer(server);
  answer.destroy();
});

test("closing does not wait for a connection that nothing was ever asked on", async () => {
  const { server, url } = await serve(new Hono());
  const accepted = once(server, "connection");
  const ahead = connect(Number(new URL(url).port), "127.0.0.1");
  await accepted;
  await closeServer(server);
  ahead.destroy();
});

test("a connection is kept for longer than load balancers keep theirs, and than headers may take", async () => {
  const { server, url } = await serve(new Hono());
  expect(server.keepAliveTimeout).toBe(65_000);
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const first = await ask(`${url}/absent`, agent);
  server.headersTimeout = 500;
  // Somebody who is slow is cut off while the first connection is idle.
  const slow = connect(Number(new URL(url).port), "127.0.0.1");
  slow.write("GET / HTTP/1.1\r\nhost: x\r\nx-slow: ");
  await once(slow, "data");
  expect(await ask(`${url}/absent`, agent)).toEqual(first);
  expect(first.connection).toBe("keep-alive");
});

test("of very many connections each ends with its next answer, so that they keep nobody out", async () => {
  const { server, url } = await serve(new Hono());
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  expect((await ask(`${url}/absent`, agent)).connection).toBe("keep-alive");
  const open = async (): Promise<number> =>
    await new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
  const idle = Array.from({ length: 200 }, () => connect(Number(new URL(url).port), "127.0.0.1"));
  await expect.poll(open).toBe(201);
  expect((await ask(`${url}/absent`, agent)).connection).toBe("close");
  for (const socket of idle) socket.destroy();
  await expect.poll(open).toBe(0);
  expect((await ask(`${url}/absent`, agent)).connection).toBe("keep-alive");
});

test("connections that are let go end with their next answer", async () => {
  const { server, url } = await serve(new Hono());
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const before = await ask(`${url}/absent`, agent);
  letConnectionsGo(server);
  const last = await ask(`${url}/absent`, agent);
  expect([before.connection, last.connection]).toEqual(["keep-alive", "close"]);
  expect(last.port).toBe(before.port);
});

/** @returns what the answer says of its connection, and the client's port: the same one for the same connection */
async function ask(
  url: string,
  agent: Agent,
): Promise<{ connection: string | undefined; port: number | undefined }> {
  const [answer] = (await once(get(url, { agent }), "response")) as [IncomingMessage];
  const port = answer.socket.localPort;
  answer.resume();
  await once(answer, "end");
  return { connection: answer.headers.connection, port };
}
