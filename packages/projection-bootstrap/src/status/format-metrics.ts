import type { BootReport } from "../boot/boot-report.ts";
import type { FollowHealth } from "../boot/follow.ts";
import type { Verification } from "../verify/verify-projection.ts";
import type { Status } from "./status.ts";

/** What one process knows besides the status, which is the database's. */
export interface Observations {
  /** From the boot that made the model this process serves. */
  readonly boot?: BootReport | undefined;
  readonly following?: FollowHealth | undefined;
  /** The latest of each projection; `onVerified` hands them out. */
  readonly verifications?: Iterable<Verification> | undefined;
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number | undefined];

/** A status, and what the process observed itself, as Prometheus text: for whatever serves its metrics. */
export function formatMetrics(status: Status, observations: Observations = {}): string {
  const { boot, following, verifications = [] } = observations;
  const metrics = [...statusMetrics(status)];
  if (boot !== undefined) metrics.push(...bootMetrics(boot));
  if (following !== undefined) metrics.push(...followMetrics(following));
  metrics.push(...verifyMetrics([...verifications]));
  return metrics.join("");
}

function* statusMetrics({ projections, blockedBy }: Status): Iterable<string> {
  const each = (value: (projection: Status["projections"][number]) => number | undefined): Sample[] =>
    projections.map((projection) => [{ projection: projection.name }, value(projection)]);
  yield gauge(
    "lag_events",
    "Events of the log that the stored rows do not hold, up to 100000.",
    each(({ lagEvents }) => lagEvents),
  );
  yield gauge(
    "lag_seconds",
    "Age of the first event that the stored rows do not hold.",
    each(({ lagSeconds }) => lagSeconds),
  );
  yield gauge(
    "state",
    "1 for the state that a boot would find.",
    projections.map(({ name, state }) => [{ projection: name, state }, 1]),
  );
  yield gauge(
    "parked_events",
    "Events that are set aside.",
    each(({ versions }) => versions.reduce((sum, { parked }) => sum + parked, 0)),
  );
  yield gauge(
    "writers",
    "Processes that hold the right to write rows.",
    each(({ versions }) => versions.filter(({ writer }) => writer !== undefined).length),
  );
  yield gauge(
    "fence_blocked_seconds",
    "Age of the oldest open transaction that writes, on the whole server.",
    [[{}, blockedBy?.seconds ?? 0]],
  );
}

function* bootMetrics({ projections, phases, snapshotMs, reads, degraded }: BootReport): Iterable<string> {
  yield gauge(
    "boot_phase_seconds",
    "Time that each phase of the boot took.",
    Object.entries(phases).map(([phase, ms]) => [{ phase }, ms / 1000]),
  );
  yield gauge("boot_snapshot_seconds", "Time that the boot kept a snapshot open.", [[{}, snapshotMs / 1000]]);
  yield gauge(
    "boot_event_rows",
    "Events that the boot read, by purpose.",
    Object.entries(reads).map(([purpose, { rows }]) => [{ purpose }, rows]),
  );
  yield gauge(
    "boot_rows",
    "Rows that the boot loaded.",
    projections.map(({ name, rows }) => [{ projection: name }, rows]),
  );
  yield gauge(
    "boot_bytes",
    "JSON text of the rows that the boot loaded.",
    projections.map(({ name, bytes }) => [{ projection: name }, bytes]),
  );
  yield gauge("boot_degraded", "Reasons for which the model is less than was asked for.", [
    [{}, degraded.length],
  ]);
}

function* followMetrics({ healthy, listening, looks, eventsRead, poisoned }: FollowHealth): Iterable<string> {
  yield gauge("follow_healthy", "Whether the last look at the log worked.", [[{}, Number(healthy)]]);
  yield gauge("follow_listening", "Whether notifications arrive.", [[{}, Number(listening)]]);
  const rows = poisoned.filter(({ key }) => key !== undefined).length;
  yield gauge(
    "follow_poisoned",
    "Rows that stay as they are, and projections that left the model, since an event could not be applied.",
    [
      [{ kind: "row" }, rows],
      [{ kind: "projection" }, poisoned.length - rows],
    ],
  );
  yield counter("follow_looks_total", "Looks at the log.", [[{}, looks]]);
  yield counter("follow_event_rows_total", "Events that following read.", [[{}, eventsRead]]);
}

function* verifyMetrics(verifications: readonly Verification[]): Iterable<string> {
  yield gauge(
    "verify_differing_keys",
    "Keys that the latest verification found to differ.",
    verifications.map(({ projection, differing }) => [{ projection }, differing]),
  );
  yield gauge(
    "verify_rows",
    "Rows that it compared.",
    verifications.map(({ projection, rows }) => [{ projection }, rows]),
  );
}

const gauge = (name: string, help: string, samples: readonly Sample[]): string =>
  metric("gauge", { name, help, samples });
const counter = (name: string, help: string, samples: readonly Sample[]): string =>
  metric("counter", { name, help, samples });

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Nothing where there is no sample: https://prometheus.io/docs/instrumenting/exposition_formats */
function metric(type: "gauge" | "counter", { name, help, samples }: Metric): string {
  const known = samples.filter(([, value]) => value !== undefined);
  if (known.length === 0) return "";
  const full = `headstart_projection_${name}`;
  const lines = known.map(([labels, value]) => `${full}${labelText(labels)} ${value}`);
  return `${[`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`, ...lines].join("\n")}\n`;
}

function labelText(labels: Sample[0]): string {
  const text = Object.entries(labels).map(([label, each]) => `${label}="${escapeLabel(each)}"`);
  return text.length > 0 ? `{${text.join(",")}}` : "";
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
