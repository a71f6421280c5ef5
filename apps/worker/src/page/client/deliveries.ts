import type { DeliveryRow } from "../../status/status-schema.ts";
import type { App } from "./app.ts";
import { dataTable } from "./data-table.ts";
import { h, icon, named, type Child } from "./element.ts";
import { time } from "./time.ts";

const outcomes: Readonly<Record<string, readonly [state: string, sign: string, words: string]>> = {
  pending: ["pending", "pending", "Waiting"],
  applied: ["ready", "ready", "Applied"],
  ignored: ["deleted", "deleted", "Ignored"],
  "unknown-repository": ["parked", "parked", "Unknown repository"],
  invalid: ["error", "error", "Invalid"],
  failed: ["error", "error", "Failed"],
};

/** The latest webhooks and messages, and what came of each. */
export function deliveries(app: App): HTMLElement {
  const rows = [...app.deliveries.values()].sort((a, b) => Number(b.id) - Number(a.id));
  if (rows.length === 0) {
    return h(
      "div",
      { class: "empty" },
      h("h2", {}, "No delivery yet"),
      h(
        "p",
        {},
        "Without webhooks and messages, repositories are looked at by the clock: every branch comes to what git says, only later. Point your forge's webhook at ",
        h("code", {}, "/webhooks/<source>"),
        ".",
      ),
    );
  }
  return dataTable(
    "Deliveries",
    [
      { name: "state", words: "Outcome", cell: outcomeOf },
      { name: "name", words: "About", cell: aboutOf },
      {
        name: "source",
        words: "Source",
        cell: ({ source, event }) => [named(source), h("div", { class: "note" }, named(event))],
      },
      {
        name: "pusher",
        words: "Pushed by",
        cell: ({ pushedBy }) => (pushedBy === null ? "–" : named(pushedBy)),
      },
      { name: "received", words: "Received", cell: ({ receivedAt }) => time(receivedAt) },
    ],
    rows,
  );
}

function outcomeOf({ outcome }: DeliveryRow): Child {
  const [state, sign, words] = outcomes[outcome] ?? ["pending", "pending", outcome];
  return h("span", { class: `sign state-${state}` }, icon(sign), h("span", { class: "sign-word" }, words));
}

function aboutOf({ about, branches, reason }: DeliveryRow): Child[] {
  const where = about.length === 0 ? "–" : about.join(", ");
  return [
    h(
      "div",
      { class: "line" },
      named(where),
      branches.length > 0 && h("span", { class: "muted" }, " · ", named(branches.join(", "))),
    ),
    reason !== null && h("div", { class: "note" }, named(reason)),
  ];
}
