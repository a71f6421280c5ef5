import { once } from "node:events";
import { closeServer } from "../http/close-server.ts";
import { createServer } from "../http/create-server.ts";
import { healthRoutes } from "../http/health-routes.ts";
import { listenOn } from "../http/listen-on.ts";
import type { Log } from "../log.ts";
import { listenToSignals } from "./signals.ts";

/** The variable without which a worker does nothing, so that deploying one starts nothing by itself. */
export const START_VARIABLE = "START_REPOSITORY_MATERIALIZER";

/** Answers health checks and does nothing else, until a signal. No secret is read and nothing is connected. */
export async function runDisabled({
  log,
  http,
}: {
  log: Log;
  http: { host: string; port: number };
}): Promise<void> {
  const ending = new AbortController();
  listenToSignals({ onEnd: () => ending.abort(), onReload: () => undefined });
  const readiness = { state: "disabled", reason: `${START_VARIABLE} is not "yes".` } as const;
  const server = createServer({ log }, [healthRoutes({ readiness })]);
  const url = await listenOn(server, http);
  log.warn("worker.disabled", { url, hint: `It does nothing. Set ${START_VARIABLE}=yes to let it work.` });
  if (!ending.signal.aborted) await once(ending.signal, "abort");
  await closeServer(server);
}
