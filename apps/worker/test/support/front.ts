import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

/** Milliseconds between two looks at a worker's readiness. */
const PROBE_MS = 100;
const PROBE_TIMEOUT_MS = 1_000;

/**
 * What stands before the workers, as a load balancer does: it sends each request to one of those that last said that
 * they are ready, in turns, over connections that it keeps, and never a second time.
 */
export interface Front extends AsyncDisposable {
  readonly url: string;
  /** Looks at this worker from now on. */
  add(url: string): void;
  /** Does so no more: the machine is gone. */
  remove(url: string): void;
  readonly ready: () => readonly string[];
}

export async function openFront(): Promise<Front> {
  const workers = new Map<string, boolean>();
  const ready = (): string[] => [...workers].flatMap(([url, isReady]) => (isReady ? [url] : []));
  const agent = new Agent({ keepAlive: true });
  let turn = 0;
  const server = createServer((incoming, answer) => {
    const able = ready();
    const worker = able[(turn += 1) % able.length];
    if (worker === undefined) answer.writeHead(503).end("no worker is ready");
    else forward({ worker, agent }, incoming, answer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const probe = async (url: string): Promise<void> => {
    const is = await isReady(url);
    if (workers.has(url)) workers.set(url, is);
  };
  const probing = setInterval(() => {
    for (const url of workers.keys()) void probe(url);
  }, PROBE_MS);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ready,
    add: (url) => void workers.set(url, workers.get(url) ?? false),
    remove: (url) => void workers.delete(url),
    [Symbol.asyncDispose]: async () => {
      clearInterval(probing);
      agent.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function isReady(url: string): Promise<boolean> {
  try {
    const { ok, body } = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    await body?.cancel();
    return ok;
  } catch {
    return false;
  }
}

function forward(
  { worker, agent }: { worker: string; agent: Agent },
  incoming: IncomingMessage,
  answer: ServerResponse,
): void {
  const { method, url } = incoming;
  // What it says of its connection is not said of the front's own.
  const { connection: _, ...headers } = incoming.headers;
  const passed = request(new URL(url ?? "/", worker), { method, headers, agent }, (reply) => {
    answer.writeHead(reply.statusCode ?? 502, reply.headers);
    reply.pipe(answer);
  });
  passed.on("error", (error) => {
    if (answer.headersSent) answer.destroy();
    else answer.writeHead(502).end(`${worker}: ${error.message}`);
  });
  incoming.pipe(passed);
}
