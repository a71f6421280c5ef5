import type { BranchDetail, BranchRow } from "../../status/status-schema.ts";
import { actionButton } from "./actions.ts";
import type { App } from "./app.ts";
import { branchHistory } from "./branch-history.ts";
import { branchProblems } from "./branch-problems.ts";
import { stateSign } from "./branch-row.ts";
import { commitId } from "./commit-id.ts";
import { h, icon, keepFocus, named, type Child } from "./element.ts";
import { now, time, took } from "./time.ts";
import { personOf } from "./words.ts";

export interface BranchPanel {
  readonly element: HTMLElement;
  draw(): void;
  focus(): void;
}

type Loaded =
  | { readonly detail: BranchDetail }
  /** `passing`: it may be over when the server is heard again. */
  | { readonly failure: string; readonly passing: boolean };

/** Everything about the branch that is selected. Read again whenever its row changes, and after a failure that may be over. */
export function branchPanel(app: App): BranchPanel {
  const element = h("div", { class: "detail", tabindex: -1 });
  let key = "";
  let name = "";
  let loaded: Loaded | undefined;
  let asked: BranchRow | undefined;
  let loading = false;
  /** When the server was last heard as the answer came. */
  let heardAt: string | undefined;

  const load = async (selected: { repository: string; branch: string }, row: BranchRow | undefined) => {
    loading = true;
    asked = row;
    const mine = name;
    const answer = await readDetail(selected);
    loading = false;
    if (mine !== name) {
      app.changed();
      return;
    }
    loaded = answer;
    heardAt = app.heardAt;
    app.changed();
  };
  const mayBeOver = (): boolean =>
    loaded !== undefined &&
    "failure" in loaded &&
    loaded.passing &&
    app.link === "live" &&
    app.heardAt !== heardAt;
  return {
    element,
    focus: () => element.focus({ preventScroll: true }),
    draw: () => {
      const { selected } = app.address;
      if (selected === undefined) {
        name = "";
        key = "";
        return;
      }
      const row = app.branchNamed(selected.repository, selected.branch);
      const chosen = JSON.stringify(selected);
      if (chosen !== name) {
        name = chosen;
        loaded = undefined;
        asked = undefined;
        element.scrollTop = 0;
        element.parentElement?.scrollTo(0, 0);
      }
      if (!loading && app.loaded && (loaded === undefined || asked !== row || mayBeOver()))
        void load(selected, row);
      const state = JSON.stringify([name, row, loaded, app.token !== undefined]);
      if (state === key) return;
      key = state;
      const open = openParts(element);
      const focused = keepFocus(element);
      element.replaceChildren(...draw(app, { selected, row, loaded }));
      for (const part of element.querySelectorAll("details")) {
        if (open.has(part.dataset["part"])) part.open = true;
      }
      focused();
    },
  };
}

function openParts(element: HTMLElement): Set<string | undefined> {
  return new Set(
    [...element.querySelectorAll("details[open]")].map((part) => (part as HTMLElement).dataset["part"]),
  );
}

async function readDetail(selected: { repository: string; branch: string }): Promise<Loaded> {
  try {
    const response = await fetch(`branch?${new URLSearchParams(selected).toString()}`);
    if (response.ok) return { detail: (await response.json()) as BranchDetail };
    const { error } = (await response.json().catch(() => ({}))) as { error?: { message: string } };
    const failure = error?.message ?? `The server answered ${response.status}.`;
    return { failure, passing: response.status >= 500 };
  } catch {
    return { failure: "The worker does not answer. This page asks again when it does.", passing: true };
  }
}

interface Shown {
  readonly selected: { readonly repository: string; readonly branch: string };
  readonly row: BranchRow | undefined;
  readonly loaded: Loaded | undefined;
}

function draw(app: App, { selected, row, loaded }: Shown): Node[] {
  const close = h(
    "button",
    {
      type: "button",
      class: "quiet close",
      "aria-label": "Close",
      title: "Close (Esc)",
      on: { click: () => app.go({ selected: undefined }) },
    },
    icon("close"),
  );
  const head = h(
    "header",
    { class: "detail-head" },
    h("p", { class: "repository" }, named(selected.repository)),
    h("h2", {}, named(selected.branch)),
    h(
      "p",
      { class: "line" },
      row && stateSign(row),
      row?.class === "live" && h("span", { class: "tag live" }, "live"),
    ),
    close,
  );
  const parts: Child[] = [head];
  if (row !== undefined) parts.push(facts(row));
  if (row !== undefined && app.actions && app.token !== undefined) parts.push(actionsOf(app, row));
  if (loaded === undefined) parts.push(h("section", { class: "muted" }, "Loading…"));
  else if ("failure" in loaded) parts.push(h("p", { class: "refusal" }, loaded.failure));
  else {
    const { detail } = loaded;
    parts.push(explanation(detail), ...branchProblems(detail, row), ...branchHistory(app, detail));
  }
  return parts.filter((part): part is Node => part instanceof Node);
}

function facts(row: BranchRow): HTMLElement {
  const { served, wanted, owner, attempts, pinned, audit, activity } = row;
  const list = h("dl", { class: "facts" });
  const add = (term: string, ...values: readonly Child[]): void =>
    list.append(h("dt", {}, term), h("dd", {}, ...values));
  if (served === null) add("Served", "nothing yet");
  else add("Served", commitId(served.commit), ", published ", time(served.publishedAt));
  if (wanted.commit !== null && wanted.commit !== served?.commit) {
    add("Wanted", commitId(wanted.commit), ", seen ", time(wanted.at));
  }
  if (pinned !== null)
    add("Pinned", time(pinned.at), pinned.latest === null ? "" : ", newest is ", commitId(pinned.latest));
  if (served !== null) {
    add(
      "Author",
      named(personOf(served.author), { title: served.author }),
      ", committed ",
      time(served.committedAt),
    );
    add("Build", took(served.buildMs));
  }
  if (owner !== null) add("Owner", named(personOf(owner), { title: owner }));
  if (attempts > 0) add("Attempts", String(attempts));
  if (activity.since === null) add("Builds", "none in the log");
  else {
    const failed = activity.failed + activity.parked;
    const counted = `${activity.published} published, ${failed} failed in the last `;
    add("Builds", counted, time(activity.since, { wording: "since" }));
  }
  if (audit !== null) {
    add(
      "Verified",
      time(audit.at),
      audit.differences === 0 ? ", equals git" : `, ${audit.differences} differences`,
    );
  }
  return list;
}

const isoTime = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/;

/** The materializer's sentence, with its times as this page tells them: `since <time>` becomes `for 3 min`. */
function withTimes(reason: string): Node[] {
  const parts = reason.split(isoTime);
  return parts.map((part, index) => {
    const before = parts[index - 1] ?? "";
    if (index % 2 === 0)
      return named(
        index === parts.length - 1 ? part : part.replace(/\bat $/, "").replace(/\bsince $/, "for "),
      );
    if (before.endsWith("since ")) return time(part, { wording: "since" });
    return Date.parse(part) > now() ? time(part, { wording: "in" }) : time(part);
  });
}

function explanation({ current, reasons }: BranchDetail): HTMLElement {
  return h(
    "section",
    { class: `explanation ${current ? "current" : ""}` },
    h("h3", {}, current ? "Why it is in sync" : "Why it is not in sync"),
    h("ul", {}, ...reasons.map((reason) => h("li", {}, ...withTimes(reason)))),
  );
}

function actionsOf(app: App, row: BranchRow): HTMLElement {
  const { repository, branch, state, pinned } = row;
  const request = { repository, branch };
  const failing = state === "error" || state === "parked" || row.retryAt !== null;
  return h(
    "p",
    { class: "buttons actions" },
    actionButton(app, "Look now", { action: "sync", request }),
    failing && actionButton(app, "Build again", { action: "redrive", request }),
    pinned !== null &&
      actionButton(app, "Unpin", {
        action: "unpin",
        request,
        confirm: {
          title: `Unpin ${branch}?`,
          text: "Readers see its newest version from now on.",
          yes: "Unpin",
        },
      }),
  );
}
