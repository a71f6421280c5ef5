import type { RepositoryRow } from "../../status/status-schema.ts";
import { actionButton } from "./actions.ts";
import { start, writeAddress } from "./address.ts";
import type { App } from "./app.ts";
import { dataTable, type Column } from "./data-table.ts";
import { h, icon, named, plural, type Child } from "./element.ts";
import { time } from "./time.ts";
import { needsAttention } from "./select-branches.ts";

interface Counts {
  branches: number;
  failing: number;
}

/** The repositories: when each was looked at, what keeps it from that, and what one can do about it. */
export function repositories(app: App): HTMLElement {
  const counts = countBranches(app);
  const rows = [...app.repositories.values()].sort(
    (a, b) => trouble(b) - trouble(a) || (a.name < b.name ? -1 : 1),
  );
  const columns: Column<RepositoryRow>[] = [
    { name: "name", words: "Repository", cell: nameOf },
    { name: "branches", words: "Branches", cell: (row) => branchesOf(row, counts.get(row.name)) },
    {
      name: "looked",
      words: "Looked at",
      cell: (row) => (row.observedAt === null ? "never" : time(row.observedAt)),
    },
    { name: "next", words: "Next look", cell: (row) => nextLook(row) },
    {
      name: "moved",
      words: "Last push",
      cell: (row) => (row.changedAt === null ? "–" : time(row.changedAt)),
    },
  ];
  if (app.actions && app.token !== undefined) {
    columns.push({ name: "actions", words: "Actions", cell: (row) => actionsOf(app, row) });
  }
  return dataTable("Repositories", columns, rows);
}

function trouble({ error, guard, pausedAt }: RepositoryRow): number {
  return (error === null ? 0 : 4) + (guard === null ? 0 : 2) + (pausedAt === null ? 0 : 1);
}

function countBranches(app: App): Map<string, Counts> {
  const counts = new Map<string, Counts>();
  for (const { row } of app.branches.values()) {
    if (row.state === "deleted") continue;
    const count = counts.get(row.repository) ?? { branches: 0, failing: 0 };
    count.branches += 1;
    if (needsAttention(row)) count.failing += 1;
    counts.set(row.repository, count);
  }
  return counts;
}

function nameOf(row: RepositoryRow): Child[] {
  const { name, url, error, guard, pausedAt, projector, failures } = row;
  return [
    h(
      "div",
      { class: "line" },
      h("strong", {}, named(name)),
      pausedAt !== null && h("span", { class: "tag paused" }, "paused"),
    ),
    h("div", { class: "note line" }, named(url, { class: "url", title: url }), ` · ${projector}`),
    error !== null &&
      h(
        "div",
        { class: "problem" },
        icon("error"),
        h(
          "span",
          {},
          `${error.code}: `,
          named(error.message),
          failures > 1 && ` (${plural(failures, "time")} in a row)`,
        ),
      ),
    guard !== null &&
      h("div", { class: "problem" }, icon("error"), h("span", {}, "Deletions are held back: ", named(guard))),
  ];
}

function branchesOf({ name }: RepositoryRow, counts: Counts | undefined): Child[] {
  const href = writeAddress({ ...start, repository: name });
  return [
    h("a", { href, "data-internal": true }, String(counts?.branches ?? 0)),
    (counts?.failing ?? 0) > 0 && h("span", { class: "problem-word" }, ` ${counts?.failing} failing`),
  ];
}

function nextLook({ nextLookAt, pausedAt }: RepositoryRow): Child {
  return pausedAt === null ? time(nextLookAt, { wording: "in" }) : h("span", {}, "paused ", time(pausedAt));
}

function actionsOf(app: App, { name, pausedAt, guard }: RepositoryRow): Child[] {
  const request = { repository: name };
  return [
    actionButton(app, "Look now", { action: "sync", request }, { label: `Look at ${name} now` }),
    pausedAt === null
      ? actionButton(
          app,
          "Pause",
          {
            action: "pause",
            request,
            confirm: {
              title: `Pause ${name}?`,
              text: "It is neither looked at nor built until it is resumed. What is served stays served.",
              yes: "Pause",
            },
          },
          { label: `Pause ${name}` },
        )
      : actionButton(app, "Resume", { action: "resume", request }, { label: `Resume ${name}` }),
    actionButton(
      app,
      "Build failed again",
      {
        action: "redrive",
        request,
        confirm: {
          title: `Build all failed branches of ${name} again?`,
          text: "Every branch that failed or was given up is tried again, with fresh attempts.",
          yes: "Build again",
        },
      },
      { label: `Build failed branches of ${name} again` },
    ),
    guard !== null &&
      actionButton(
        app,
        "Let deletions through",
        {
          action: "confirm-deletions",
          request,
          confirm: {
            title: `Let deletions in ${name} through?`,
            text: `${guard} The branches that are gone are no longer served after the next look.`,
            yes: "Let through",
          },
        },
        { class: "danger" },
      ),
  ];
}
