import type { Status } from "./status.ts";

/** A status as Prometheus text, for whatever serves a process's metrics. */
export function formatMetrics({ projections, blockedBy }: Status): string {
  const lines: string[] = [];
  const gauge = (name: string, help: string): void => {
    lines.push(`# HELP headstart_projection_${name} ${help}`, `# TYPE headstart_projection_${name} gauge`);
  };
  const value = (name: string, labels: Record<string, string>, number: number): void => {
    const text = Object.entries(labels).map(([label, each]) => `${label}="${escapeLabel(each)}"`);
    lines.push(`headstart_projection_${name}${text.length > 0 ? `{${text.join(",")}}` : ""} ${number}`);
  };
  gauge("lag_events", "Events of the log that the stored rows do not hold, up to 100000.");
  for (const { name, lagEvents } of projections) {
    if (lagEvents !== undefined) value("lag_events", { projection: name }, lagEvents);
  }
  gauge("lag_seconds", "Age of the first event that the stored rows do not hold.");
  for (const { name, lagSeconds } of projections) {
    if (lagSeconds !== undefined) value("lag_seconds", { projection: name }, lagSeconds);
  }
  gauge("state", "1 for the state that a boot would find.");
  for (const { name, state } of projections) value("state", { projection: name, state }, 1);
  gauge("parked_events", "Events that are set aside.");
  for (const { name, versions } of projections) {
    value(
      "parked_events",
      { projection: name },
      versions.reduce((sum, { parked }) => sum + parked, 0),
    );
  }
  gauge("fence_blocked_seconds", "Age of the oldest open transaction that writes, on the whole server.");
  value("fence_blocked_seconds", {}, blockedBy?.seconds ?? 0);
  return `${lines.join("\n")}\n`;
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
