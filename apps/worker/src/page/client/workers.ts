import type { BranchRow, WorkerRow } from "../../status/status-schema.ts";
import { perform } from "./actions.ts";
import type { App } from "./app.ts";
import { dataTable } from "./data-table.ts";
import { h, icon, named, type Child } from "./element.ts";
import { now, time } from "./time.ts";

/** A worker that was silent for this long is taken for gone, in milliseconds: some heartbeats. */
const SILENT_MS = 45_000;

/** Builds of one worker that are named. */
const NAMED = 4;

/** The workers, and what each is building by the leases that it holds. */
export function workers(app: App): HTMLElement {
  const builds = new Map<string, BranchRow[]>();
  for (const { row } of app.branches.values()) {
    if (row.builder === null) continue;
    builds.set(row.builder.worker, [...(builds.get(row.builder.worker) ?? []), row]);
  }
  const rows = [...app.workers.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  return dataTable(
    "Workers",
    [
      { name: "name", words: "Worker", cell: (row) => nameOf(app, row) },
      { name: "state", words: "State", cell: stateOf },
      { name: "builds", words: "Builds at a time", cell: (row) => concurrencyOf(app, row) },
      { name: "building", words: "Leases", cell: (row) => leasesOf(builds.get(row.id) ?? []) },
      { name: "started", words: "Started", cell: (row) => time(row.startedAt) },
      { name: "seen", words: "Heartbeat", cell: (row) => time(row.seenAt) },
    ],
    rows,
  );
}

function nameOf(app: App, { id, version }: WorkerRow): Child[] {
  return [
    h(
      "div",
      { class: "line" },
      h("strong", {}, named(id)),
      id === app.worker && h("span", { class: "tag live" }, "this page"),
    ),
    h("div", { class: "note line" }, `version ${version}`),
  ];
}

export function isSilent({ seenAt }: WorkerRow): boolean {
  return now() - Date.parse(seenAt) > SILENT_MS;
}

function stateOf(row: WorkerRow): Child {
  const sign = (state: string, name: string, words: string): HTMLElement =>
    h("span", { class: `sign state-${state}` }, icon(name), h("span", { class: "sign-word" }, words));
  if (isSilent(row)) return sign("error", "error", "Silent");
  if (row.draining) return sign("pending", "pending", "Ending");
  if (row.failingLoops.length > 0) return sign("error", "error", `Failing: ${row.failingLoops.join(", ")}`);
  return row.building > 0 ? sign("building", "building", "Building") : sign("ready", "ready", "Idle");
}

function leasesOf(branches: readonly BranchRow[]): Child[] {
  if (branches.length === 0) return ["–"];
  const shown = branches
    .slice(0, NAMED)
    .map((row) => h("div", { class: "line" }, named(`${row.repository} / ${row.branch}`)));
  return branches.length > NAMED
    ? [...shown, h("div", { class: "note" }, `and ${branches.length - NAMED} more`)]
    : shown;
}

function concurrencyOf(app: App, row: WorkerRow): Child {
  const text = `${row.building} of ${row.concurrency}`;
  if (row.id !== app.worker || !app.actions || app.token === undefined) return text;
  const field = h("input", {
    type: "number",
    min: 1,
    max: 64,
    value: row.concurrency,
    class: "number",
    "aria-label": "Builds at a time of this worker",
  });
  return h(
    "form",
    {
      class: "inline",
      on: {
        submit: (event) => {
          event.preventDefault();
          void perform(app, { action: "concurrency", request: { builds: field.valueAsNumber } });
        },
      },
    },
    `${row.building} of `,
    field,
    h("button", { type: "submit", class: "action small" }, "Change"),
  );
}
