import type { BranchEvent } from "../../status/event-schema.ts";
import { start, writeAddress } from "./address.ts";
import type { App } from "./app.ts";
import { h, icon, named, plural } from "./element.ts";
import { time } from "./time.ts";
import { eventWords } from "./words.ts";

/** The latest events of all branches, newest first. */
export function activity(app: App): HTMLElement {
  const events = app.singles?.latest ?? [];
  const list = h("ol", { class: "events" }, ...events.map((event) => eventItem(app, event)));
  return h(
    "section",
    { class: "activity" },
    h("h2", {}, "Latest events"),
    events.length === 0
      ? h("p", { class: "muted" }, "Nothing was built yet. Whatever happens to a branch is listed here.")
      : list,
  );
}

function eventItem(app: App, event: BranchEvent): HTMLElement {
  const [sign, words] = eventWords[event.type] ?? ["ready", event.type];
  const { repository, branch } = event;
  const href = writeAddress({
    ...(app.address.view === "branches" ? app.address : start),
    selected: { repository, branch },
  });
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
        h(
          "a",
          { href, "data-internal": true, class: "branch-link", title: `${repository} / ${branch}` },
          named(branch),
        ),
        h("span", { class: "grow" }),
        time(event.at),
      ),
      h(
        "div",
        { class: "line note" },
        named(repository, { class: "repository" }),
        h("span", {}, words),
        event.commit !== null && h("code", {}, event.commit.slice(0, 8)),
        event.changed !== null && event.changed > 0 && h("span", {}, plural(event.changed, "file")),
      ),
      event.reason !== null && h("p", { class: "reason" }, named(event.reason)),
    ),
  );
}
