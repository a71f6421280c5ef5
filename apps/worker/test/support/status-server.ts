import { once, setMaxListeners } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMaterializer, defineProjector, type Materializer } from "@headstart/materializer";
import pg from "pg";
import { z } from "zod";
import { actionRoutes } from "../../src/actions/action-routes.ts";
import { configSchema } from "../../src/config/config-schema.ts";
import { openSecrets } from "../../src/config/secrets.ts";
import { createServer } from "../../src/http/create-server.ts";
import { createLog } from "../../src/log.ts";
import { createBell } from "../../src/loops/bell.ts";
import { createLoopBoard } from "../../src/loops/loop-board.ts";
import { createMetrics } from "../../src/metrics/metrics.ts";
import { pageRoutes } from "../../src/page/page-routes.ts";
import { openStatus, type OpenStatus } from "../../src/status/open-status.ts";
import { status as statusSchema, type Status } from "../../src/status/status-schema.ts";
import { statusRoutes } from "../../src/status/status-routes.ts";
import type { WorkerContext } from "../../src/worker-context.ts";
import { scratchDatabase } from "./scratch-database.ts";
import { scratchRepository, type ScratchRepository } from "./scratch-repository.ts";
import { until } from "./until.ts";

/** Pages with a title, checked by file, line and column; a strict policy, so that one bad page stops a commit. */
const pages = defineProjector({
  name: "pages",
  revision: "1",
  kinds: {
    page: {
      match: "pages/**/*.md",
      format: "markdown",
      schema: z.object({ title: z.string(), order: z.number().optional() }),
    },
  },
  assemble: (_, files) => ({
    rows: files.map(({ path, document }) => ({ collection: "page", key: path, data: document.frontMatter })),
  }),
});

export const TOKEN = "let-me-in-0123456789";

/** A worker's status over real repositories: everything of it but the other parts' loops. */
export interface StatusServer extends AsyncDisposable {
  readonly url: string;
  readonly db: pg.Pool;
  readonly materializer: Materializer;
  readonly context: WorkerContext;
  /** What its routes serve. */
  readonly opened: OpenStatus;
  /** What it logged, as text. */
  readonly logged: readonly string[];
  /** Registers a repository that tests change as users do. */
  repository(name: string): Promise<ScratchRepository>;
  /** Observes a repository and builds what is due. */
  settle(name: string): Promise<void>;
  /** `GET /status`, checked against its schema. */
  status(): Promise<Status>;
  /** Waits until the status says something. */
  statusWhen(what: string, holds: (status: Status) => boolean): Promise<Status>;
  /** Another process's status over the same database, which nobody watches yet. Ends with the server. */
  another(): AnotherStatus;
  /** Cuts every connection, as a network does. */
  disconnect(): void;
  /** Begins to look at the database; done already unless `begin: false` was asked for. */
  begin(): void;
  /** Ends the streams, as a worker does that was told to end. */
  end(): void;
}

interface AnotherStatus {
  readonly status: OpenStatus;
  /** Its own connections. */
  readonly db: pg.Pool;
  readonly bells: WorkerContext["bells"];
  readonly loops: WorkerContext["loops"];
  /** What it logged, as text. */
  readonly logged: readonly string[];
  end(): Promise<void>;
}

export async function openStatusServer({
  token,
  page,
  begin: atOnce = true,
}: { token?: string; page?: URL; begin?: boolean } = {}): Promise<StatusServer> {
  const database = await scratchDatabase();
  const { db } = database;
  const root = await mkdtemp(join(tmpdir(), "headstart-mirrors-"));
  const undo: (() => Promise<unknown>)[] = [];
  const materializer = createMaterializer({
    db,
    projectors: [pages],
    mirrors: { root, protocols: ["file"] },
    worker: "worker-1:4242",
  });
  const ending = new AbortController();
  // As the worker does: every viewer listens.
  setMaxListeners(0, ending.signal);
  const config = configSchema.parse({
    projectors: [pages],
    mirrors: { directory: root },
    ...(token !== undefined && { http: { token: { env: "TOKEN" } } }),
  });
  const open = (worker: string, pool: pg.Pool): { context: WorkerContext; logged: string[] } => {
    const logged: string[] = [];
    const secrets = openSecrets({ ...(token !== undefined && { TOKEN: token }) });
    const log = createLog({ write: (line) => void logged.push(line), redact: secrets.redact });
    const metrics = createMetrics();
    const context: WorkerContext = {
      db: pool,
      materializer,
      config,
      secrets,
      log,
      metrics,
      loops: createLoopBoard({ log, metrics }),
      bells: { hints: createBell(), events: createBell(), deliveries: createBell() },
      concurrency: changeable(4),
      worker,
      ending: ending.signal,
    };
    return { context, logged };
  };
  const { context, logged } = open("worker-1:4242", db);
  const opened = openStatus(context);
  const stop = new AbortController();
  let running: Promise<void> | undefined;
  const begin = (): void => void (running ??= opened.run(stop.signal));
  if (atOnce) begin();
  const server = createServer(context, [
    statusRoutes(context, opened),
    actionRoutes(context),
    pageRoutes(page === undefined ? {} : { directory: page }),
  ]);
  const url = await listen(server);
  const status = async (): Promise<Status> => statusSchema.parse(await (await fetch(`${url}/status`)).json());
  return {
    url,
    db,
    materializer,
    context,
    opened,
    logged,
    status,
    statusWhen: async (what, holds) => {
      let last: Status | undefined;
      await until(async () => holds((last = await status())), { what, details: () => last });
      return last as Status;
    },
    repository: async (name) => {
      const upstream = await scratchRepository();
      undo.push(async () => await upstream[Symbol.asyncDispose]());
      await materializer.register({ name, url: upstream.url, projector: "pages" });
      return upstream;
    },
    settle: async (name) => {
      await materializer.inProcessRunner().settle(name);
      context.bells.events.ring();
    },
    another: () => {
      const pool = new pg.Pool({ connectionString: database.url, max: 8 });
      const { context: other, logged: otherLogged } = open("worker-2:17", pool);
      const otherStatus = openStatus(other);
      const otherStop = new AbortController();
      const otherRunning = otherStatus.run(otherStop.signal);
      const end = async (): Promise<void> => {
        if (otherStop.signal.aborted) return;
        otherStop.abort();
        await otherRunning;
        await pool.end();
      };
      undo.push(end);
      const { bells, loops } = other;
      return { status: otherStatus, db: pool, bells, loops, logged: otherLogged, end };
    },
    begin,
    disconnect: () => server.closeAllConnections(),
    end: () => ending.abort(),
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      stop.abort();
      server.closeAllConnections();
      server.close();
      await running;
      for (const each of undo.toReversed()) await each();
      await materializer[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}

function changeable(initial: number): WorkerContext["concurrency"] {
  let current = initial;
  return {
    get current() {
      return current;
    },
    change: (to) => void (current = to),
  };
}

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A page of content; the title decides whether it is valid. */
export function markdown(title: string | number, more = ""): string {
  return `---\ntitle: ${JSON.stringify(title)}\n${more}---\n\n# ${title}\n`;
}
