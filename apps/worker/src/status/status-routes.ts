import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { HttpBindings } from "@hono/node-server";
import { Hono, type Context } from "hono";
import { z } from "zod";
import { requestName } from "../http/request-name.ts";
import type { WorkerContext } from "../worker-context.ts";
import { isUnknown, readBranchDetail } from "./branch-detail.ts";
import { liveStream } from "./live-stream.ts";
import type { OpenStatus } from "./open-status.ts";
import type { StatusStore } from "./status-store.ts";

/** Viewers of one worker at a time; each is a connection that stays open. */
const VIEWERS = 500;

/** Milliseconds between signs of life of a live stream. */
const BEAT_MS = 15_000;

const branchName = z.object({ repository: requestName, branch: requestName });

const compress = promisify(gzip);

const streamHeaders = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  // Proxies that gather what they pass on would hold changes back.
  "x-accel-buffering": "no",
};

/** What the page reads, and whoever else wants to know: `GET /status`, `GET /live`, `GET /branch`. */
export function statusRoutes(
  context: Pick<WorkerContext, "db" | "materializer" | "log" | "ending">,
  status: Pick<OpenStatus, "store" | "join" | "snapshot">,
): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  const compressed = compressOnce(status.store);
  let viewers = 0;

  app.get("/status", async (c) => {
    const store = await status.snapshot();
    const etag = `"${store.id}"`;
    const headers = { etag, "cache-control": "no-cache", vary: "accept-encoding" };
    if (c.req.header("if-none-match")?.replace(/^W\//, "") === etag) return c.body(null, 304, headers);
    if (!/\bgzip\b/.test(c.req.header("accept-encoding") ?? "")) {
      return c.body(store.snapshot(), 200, { ...headers, "content-type": "application/json" });
    }
    const { id, body } = await compressed();
    return c.body(body, 200, {
      ...headers,
      etag: `"${id}"`,
      "content-type": "application/json",
      "content-encoding": "gzip",
    });
  });

  app.get("/live", (c) => {
    if (viewers >= VIEWERS || context.ending.aborted) return tooMany(c);
    // Hono answers it as GET and drops the body: a stream that nobody reads would never end.
    if (c.req.method === "HEAD") return c.body(null, 200, streamHeaders);
    viewers += 1;
    const { outgoing } = c.env;
    const leave = status.join();
    outgoing.once("close", () => {
      viewers -= 1;
      leave();
    });
    const body = liveStream(status.store, {
      since: c.req.header("last-event-id") ?? c.req.query("since"),
      signal: context.ending,
      beatMs: BEAT_MS,
      drop: () => outgoing.destroy(),
    });
    return c.body(body, 200, streamHeaders);
  });

  app.get("/branch", async (c) => {
    const name = branchName.safeParse(c.req.query());
    if (!name.success) {
      return c.json(
        { error: { code: "REQUEST_INVALID", message: "Name the branch: /branch?repository=…&branch=…" } },
        400,
      );
    }
    try {
      return c.json(await readBranchDetail(context, name.data), 200, { "cache-control": "no-store" });
    } catch (error) {
      if (isUnknown(error)) return c.json({ error: { code: error.code, message: error.message } }, 404);
      context.log.warn("status.branch-unread", { ...name.data, error });
      return c.json(
        { error: { code: "DATABASE_UNAVAILABLE", message: "The database did not answer. Try again." } },
        503,
      );
    }
  });
  return app;
}

function tooMany(c: Context): Response {
  return c.json(
    { error: { code: "BUSY", message: "This worker takes no more live viewers at the moment." } },
    503,
    { "retry-after": "10" },
  );
}

/** Viewers that come together share one compression. */
function compressOnce(store: StatusStore): () => Promise<{ id: string; body: Uint8Array<ArrayBuffer> }> {
  let latest: { id: string; body: Promise<Uint8Array<ArrayBuffer>> } | undefined;
  return async () => {
    if (latest?.id !== store.id) {
      const body = compress(store.snapshot(), { level: 4 }).then((bytes) => new Uint8Array(bytes));
      latest = { id: store.id, body };
    }
    const { id, body } = latest;
    return { id, body: await body };
  };
}
