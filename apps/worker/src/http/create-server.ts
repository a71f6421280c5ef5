import type { Server } from "node:http";
import { createAdaptorServer, type HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { Log } from "../log.ts";
import { sendBeforeClosing } from "./close-server.ts";

/** Routes of a part. `c.env.incoming` is Node's own request. */
export type Routes = Hono | Hono<{ Bindings: HttpBindings }>;

/** Milliseconds until a client has to have sent its headers, and its whole request. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;

/**
 * How long a connection stays open between two requests. Longer than load balancers keep theirs, which is a minute as a
 * rule: who closes first must be the one who sends, or a request meets a connection that is just being closed.
 */
const KEEP_ALIVE_MS = 65_000;

/** While more connections than this are open, each ends with its next answer. */
const MOST_KEPT = 200;

/**
 * The worker's server, not listening yet: the routes of all parts, mounted at the root in their order. Every answer
 * carries headers that keep a browser from running or sending anything that is not ours.
 */
export function createServer({ log }: { readonly log: Log }, routes: readonly Routes[]): Server {
  const app = new Hono();
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", "data:"],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
        // No script can turn a text into markup, whatever a branch is called.
        requireTrustedTypesFor: ["'script'"],
        trustedTypes: ["'none'"],
      },
      xFrameOptions: "DENY",
      referrerPolicy: "no-referrer",
      // Whether the name is served by TLS is for the proxy in front to say.
      strictTransportSecurity: false,
    }),
  );
  // Hono passes the same bindings on to every part, whichever of them it uses.
  for (const part of routes) app.route("/", part as Hono);
  app.notFound((context) =>
    context.json({ error: { code: "NOT_FOUND", message: "There is no such path." } }, 404),
  );
  app.onError((error, context) => {
    log.error("http.failed", { method: context.req.method, route: context.req.routePath, error });
    return context.json(
      { error: { code: "INTERNAL", message: "The worker failed; its log says why." } },
      500,
    );
  });
  const server = createAdaptorServer({
    fetch: app.fetch,
    // By default Node looks for requests that are late twice a minute only.
    serverOptions: { maxHeaderSize: 16_384, connectionsCheckingInterval: 2_000 },
  }) as Server;
  server.headersTimeout = HEADERS_MS;
  server.requestTimeout = REQUEST_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxConnections = 1_000;
  keepSome(server);
  sendBeforeClosing(server);
  return server;
}

/** Senders that never come back over a connection must not keep others out by leaving it open. */
function keepSome(server: Server): void {
  let open = 0;
  server.on("connection", (socket) => {
    open += 1;
    socket.once("close", () => (open -= 1));
  });
  server.prependListener("request", (_, answer) => {
    if (open > MOST_KEPT) answer.shouldKeepAlive = false;
  });
}
