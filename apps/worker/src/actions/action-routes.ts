import type { HttpBindings } from "@hono/node-server";
import { Hono, type Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { z } from "zod";
import { isUnknown } from "../status/branch-detail.ts";
import type { WorkerContext } from "../worker-context.ts";
import { actions, type ActionContext } from "./actions.ts";
import { bearsToken } from "./check-token.ts";

type Answer = 400 | 401 | 403 | 404 | 413 | 415 | 503;

/** Bytes of a request: names and a reason. */
const REQUEST_BYTES = 16_384;

/**
 * `POST /actions/<name>`, for whoever bears the token of `http.token`. There are no cookies, so no other site can
 * make a browser ask for anything. Every attempt is logged.
 */
export function actionRoutes(
  context: ActionContext & Pick<WorkerContext, "config" | "secrets" | "log">,
): Hono<{ Bindings: HttpBindings }> {
  const { config, secrets, log } = context;
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.use("/actions/*", bodyLimit({ maxSize: REQUEST_BYTES, onError: tooLarge }), async (c, next) => {
    c.header("cache-control", "no-store");
    const { token: source } = config.http;
    if (source === undefined) {
      return refuse(c, 403, {
        code: "ACTIONS_OFF",
        message: "This worker is read-only.",
        hint: "Set http.token in its configuration to allow actions.",
      });
    }
    if (bearsToken(c.req.header("authorization"), await secrets.read(source))) return await next();
    log.warn("action.refused", { path: c.req.path, address: addressOf(c) });
    c.header("www-authenticate", "Bearer");
    return refuse(c, 401, {
      code: "TOKEN_WRONG",
      message: "The token is missing or wrong.",
      hint: "Send the worker's http.token as Authorization: Bearer …",
    });
  });
  /** Lets the page check a token before it keeps it. */
  app.post("/actions/check", (c) => c.json({ message: "The token is right." }));
  app.post("/actions/:name", async (c) => {
    const name = c.req.param("name");
    const action = actions.get(name);
    if (action === undefined) {
      const message = `There is no action ${JSON.stringify(name)}.`;
      return refuse(c, 404, {
        code: "ACTION_UNKNOWN",
        message,
        hint: `It is one of ${[...actions.keys()].join(", ")}.`,
      });
    }
    if (!/^application\/json\b/i.test(c.req.header("content-type") ?? "")) {
      return refuse(c, 415, { code: "REQUEST_INVALID", message: "Send application/json." });
    }
    const request = await c.req.json<unknown>().catch(() => undefined);
    const attempt = { action: name, request, by: "token", address: addressOf(c) };
    try {
      const message = await action.run(context, request);
      log.info("action.done", { ...attempt, message });
      return c.json({ message });
    } catch (error) {
      log.warn("action.failed", { ...attempt, error });
      return failed(c, error);
    }
  });
  return app;
}

function failed(c: Context, error: unknown): Response {
  if (error instanceof z.ZodError)
    return refuse(c, 400, { code: "REQUEST_INVALID", message: z.prettifyError(error) });
  if (isUnknown(error)) {
    return refuse(c, 404, { code: error.code, message: error.message, hint: error.hint });
  }
  return refuse(c, 503, {
    code: "UNAVAILABLE",
    message: "It could not be done now. The worker's log says why.",
    hint: "If the database is away, try again when it is back.",
  });
}

function tooLarge(c: Context): Response {
  return refuse(c, 413, { code: "REQUEST_INVALID", message: `Send at most ${REQUEST_BYTES} bytes.` });
}

function refuse(
  c: Context,
  answer: Answer,
  error: { code: string; message: string; hint?: string | undefined },
): Response {
  return c.json({ error }, answer);
}

function addressOf(c: Context<{ Bindings: HttpBindings }>): string | undefined {
  return c.env.incoming.socket.remoteAddress;
}
