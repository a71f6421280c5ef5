import type { BranchDetail } from "../../status/status-schema.ts";
import { actionButton } from "./actions.ts";
import type { App } from "./app.ts";
import { commitId } from "./commit-id.ts";
import { h, icon, named, plural } from "./element.ts";
import { time, took } from "./time.ts";
import { eventWords, personOf } from "./words.ts";

/** The versions of a branch that are kept, and what happened to it. */
export function branchHistory(app: App, detail: BranchDetail): HTMLElement[] {
  const { history, events } = detail;
  const versions =
    history.length === 0
      ? []
      : [
          h(
            "section",
            {},
            h("h3", {}, `${plural(history.length, "version")} kept`),
            h("ol", { class: "versions" }, ...history.map((version) => versionItem(app, detail, version))),
          ),
        ];
  const happened =
    events.length === 0
      ? []
      : [
          h(
            "section",
            {},
            h("h3", {}, "What happened"),
            h("ol", { class: "events" }, ...events.map(eventItem)),
          ),
        ];
  return [...versions, ...happened];
}

function versionItem(
  app: App,
  { repository, branch }: BranchDetail,
  version: BranchDetail["history"][number],
): HTMLElement {
  const { commit, served, author, publishedAt, buildMs, blobsParsed, blobsReused } = version;
  return h(
    "li",
    { class: served ? "served" : undefined },
    h(
      "div",
      { class: "line" },
      commitId(commit),
      named(personOf(author), { class: "author", title: author }),
      served && h("span", { class: "tag live" }, "served"),
      h("span", { class: "grow" }),
      time(publishedAt),
    ),
    h(
      "div",
      { class: "line note" },
      `built in ${took(buildMs)}, ${plural(blobsParsed, "file")} parsed, ${blobsReused.toLocaleString("en")} known`,
      !served &&
        app.actions &&
        app.token !== undefined &&
        actionButton(
          app,
          "Serve this",
          {
            action: "rollback",
            request: { repository, branch, to: commit },
            confirm: {
              title: `Serve ${commit.slice(0, 8)} on ${branch}?`,
              text: "Readers see this version at once. The branch stays pinned to it, whatever is pushed, until it is unpinned.",
              yes: "Roll back",
              reason: true,
            },
          },
          { class: "small", label: `Serve ${commit.slice(0, 8)}` },
        ),
    ),
  );
}

function eventItem(event: BranchDetail["events"][number]): HTMLElement {
  const [sign, words] = eventWords[event.type] ?? ["ready", event.type];
  return h(
    "li",
    {},
    icon(sign, `event-${sign}`),
    h(
      "div",
      {},
      h(
        "div",
        { class: "line" },
        h("strong", {}, words),
        event.commit !== null && commitId(event.commit),
        h("span", { class: "grow" }),
        time(event.at),
      ),
      event.reason !== null &&
        h("p", { class: "reason" }, event.code !== null && `${event.code}: `, named(event.reason)),
      changedPaths(event),
    ),
  );
}

function changedPaths({ changed, position }: BranchDetail["events"][number]): HTMLElement | undefined {
  if (changed === null || changed.total === 0) return undefined;
  const rest = changed.total - changed.shown.length;
  return h(
    "details",
    { "data-part": `paths-${position}` },
    h("summary", {}, `${plural(changed.total, "file")} changed`),
    h(
      "ul",
      { class: "paths" },
      ...changed.shown.map((path) => h("li", {}, named(path))),
      rest > 0 && h("li", { class: "muted" }, `and ${rest} more`),
    ),
  );
}
