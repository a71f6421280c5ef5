import { actionRoutes } from "../actions/action-routes.ts";
import { runAmqp } from "../amqp/run-amqp.ts";
import { runDeliveries } from "../deliveries/run-deliveries.ts";
import type { Routes } from "../http/create-server.ts";
import { pageRoutes } from "../page/page-routes.ts";
import { openStatus } from "../status/open-status.ts";
import { statusRoutes } from "../status/status-routes.ts";
import { webhookRoutes } from "../webhooks/webhook-routes.ts";
import type { WorkerContext } from "../worker-context.ts";

/** What stands beside the loops of the worker itself: ways in and out, and what is shown. */
export interface Parts {
  readonly routes: readonly Routes[];
  readonly loops: readonly PartLoop[];
}

export interface PartLoop {
  /** Said when it has not ended in time. */
  readonly name: string;
  /** Runs until the signal aborts; never rejects. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

export function openParts(context: WorkerContext): Parts {
  const status = openStatus(context);
  return {
    routes: [webhookRoutes(context), statusRoutes(context, status), actionRoutes(context), pageRoutes()],
    loops: [
      { name: "deliveries", run: async (signal) => await runDeliveries(context, signal) },
      { name: "amqp", run: async (signal) => await runAmqp(context, signal) },
      { name: "status", run: async (signal) => await status.run(signal) },
    ],
  };
}
