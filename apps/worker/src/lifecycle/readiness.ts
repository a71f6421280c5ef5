/** Whether the worker is at work, and what keeps it from that. For `/readyz`. */
export interface Readiness {
  state: "starting" | "ready" | "draining" | "disabled";
  /** What it waits for while it starts. */
  reason?: string | undefined;
}
