import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createMaterializer, defineProjector } from "@headstart/materializer";
import type pg from "pg";
import { z } from "zod";
import { configSchema, type WorkerConfigInput } from "../../src/config/config-schema.ts";
import { openSecrets } from "../../src/config/secrets.ts";
import { createServer } from "../../src/http/create-server.ts";
import { createLog } from "../../src/log.ts";
import { createBell } from "../../src/loops/bell.ts";
import { createConcurrency } from "../../src/loops/concurrency.ts";
import { createLoopBoard } from "../../src/loops/loop-board.ts";
import { createMetrics } from "../../src/metrics/metrics.ts";
import type { WorkerContext } from "../../src/worker-context.ts";
import { webhookRoutes } from "../../src/webhooks/webhook-routes.ts";
import { scratchDatabase } from "./scratch-database.ts";

/** What the intake works with, on a database of its own, and everything that it logged. */
export interface Intake extends AsyncDisposable {
  readonly context: WorkerContext;
  readonly db: pg.Pool;
  readonly logged: string[];
  register(name: string, url: string): Promise<void>;
  /** The value of a metric, by its line in `/metrics`. */
  metric(line: string): Promise<number | undefined>;
  /** The same database for another worker, with its own log and metrics. */
  another(): WorkerContext;
}

const nothing = defineProjector({
  name: "nothing",
  revision: "1",
  kinds: { none: { match: "none/**", format: "json", schema: z.unknown() } },
  assemble: () => ({ rows: [] }),
});

export async function openIntake({
  environment = {},
  ...config
}: Partial<WorkerConfigInput> & { environment?: Record<string, string> } = {}): Promise<Intake> {
  const database = await scratchDatabase();
  const { db } = database;
  const logged: string[] = [];
  const parsed = configSchema.parse({
    projectors: [nothing],
    mirrors: { directory: "/nonexistent" },
    ...config,
  });
  const materializer = createMaterializer({ db, projectors: [nothing], mirrors: { root: "/nonexistent" } });
  const open = (worker: string): WorkerContext => {
    const secrets = openSecrets({ DATABASE_URL: database.url, ...environment });
    const log = createLog({
      write: (line) => void logged.push(line),
      redact: secrets.redact,
      fields: { worker },
    });
    const metrics = createMetrics();
    const bells = { hints: createBell(), events: createBell(), deliveries: createBell() };
    return {
      db,
      materializer,
      config: parsed,
      secrets,
      log,
      metrics,
      loops: createLoopBoard({ log, metrics }),
      bells,
      concurrency: createConcurrency(4, { db, log, metrics, bell: bells.hints }),
      worker,
      ending: new AbortController().signal,
    };
  };
  const context = open("test:1");
  let workers = 1;
  return {
    context,
    db,
    logged,
    another: () => open(`test:${(workers += 1)}`),
    register: async (name, url) => {
      await materializer.register({ name, url, projector: "nothing" });
    },
    metric: async (line) => {
      const text = await context.metrics.registry.metrics();
      const found = text.split("\n").find((one) => one.startsWith(`${line} `));
      return found === undefined ? undefined : Number(found.slice(line.length + 1));
    },
    [Symbol.asyncDispose]: async () => {
      await materializer[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** The webhook routes behind the worker's own server, on a free port. */
export async function serveWebhooks(
  context: WorkerContext,
): Promise<AsyncDisposable & { url: string; server: Server }> {
  const server = createServer(context, [webhookRoutes(context)]);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
