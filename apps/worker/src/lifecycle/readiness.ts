/** Whether the worker is at work, and what keeps it from that. For `/readyz`. */
export interface Readiness {
  state: "starting" | "ready" | "draining" | "disabled";
  /** It was ready once, so that others see it in `headstart_worker.workers`. */
  present?: boolean;
  /** What it waits for while it starts. */
  reason?: string | undefined;
}
