import type { BranchRow } from "../../status/status-schema.ts";
import { writeAddress, type Address } from "./address.ts";
import { commitId } from "./commit-id.ts";
import { h, icon, named, plural, type Child } from "./element.ts";
import { changedAt } from "./select-branches.ts";
import { time } from "./time.ts";
import { audited, personOf, placeOf, stateWords } from "./words.ts";

export interface RowOptions {
  readonly address: Address;
  readonly paused: boolean;
}

/** One line of the list of branches. Its cells are those of the header; where it stands is for the list to say. */
export function branchRow(row: BranchRow, options: RowOptions): HTMLElement {
  const { address, paused } = options;
  const href = writeAddress({
    ...address,
    view: "branches",
    selected: { repository: row.repository, branch: row.branch },
  });
  return h(
    "div",
    {
      role: "row",
      id: `row-${row.id}`,
      class: "row",
      "data-id": row.id,
    },
    cell("state", stateSign(row)),
    cell(
      "name",
      h(
        "div",
        { class: "line" },
        h("a", { href, tabindex: -1, class: "branch-link", title: row.branch }, named(row.branch)),
        row.class === "live" && h("span", { class: "tag live" }, "live"),
        row.pinned !== null && h("span", { class: "tag pinned" }, "pinned"),
        paused && h("span", { class: "tag paused" }, "paused"),
      ),
      h("div", { class: "line note" }, named(row.repository, { class: "repository" }), noteOf(row)),
    ),
    cell("commits", ...commits(row)),
    cell("behind", row.behindSince === null ? "" : time(row.behindSince, { wording: "since" })),
    cell("changed", time(changedAt(row), { wording: "ago" })),
  );
}

function cell(name: string, ...children: readonly Child[]): HTMLElement {
  return h("div", { role: "gridcell", class: `cell ${name}` }, ...children);
}

export function stateSign(row: BranchRow): HTMLElement {
  return h(
    "span",
    { class: `sign state-${row.state}`, title: stateWords[row.state] },
    icon(row.state),
    h("span", { class: "sign-word" }, stateWords[row.state]),
  );
}

/** What is served and, where it is something else, what is wanted. */
function commits({ served, wanted, state, pinned }: BranchRow): Child[] {
  const shown = commitId(served?.commit ?? null, { label: "served commit", focusable: false });
  const target = pinned === null ? wanted.commit : pinned.latest;
  if (state === "deleted" || target === null || target === served?.commit) return [shown];
  return [
    shown,
    h("span", { class: "arrow", "aria-hidden": "true" }, "→"),
    h("span", { class: "hidden-text" }, "wanted"),
    commitId(target, { label: "wanted commit", focusable: false }),
  ];
}

/** The one thing that is most worth knowing of a branch. */
function noteOf(row: BranchRow): Node {
  const { state, error, builder, retryAt, served, owner } = row;
  if (state === "error" || state === "parked") return problem(row);
  if (state === "building")
    return h("span", { class: "why" }, "built by ", named(builder?.worker ?? "a worker"));
  if (retryAt !== null && error !== null) {
    return h("span", { class: "why problem" }, `${error.code}, again `, time(retryAt, { wording: "in" }));
  }
  if (audited(row)) {
    return h(
      "span",
      { class: "why problem" },
      plural(row.audit?.differences ?? 0, "difference"),
      " from git",
    );
  }
  if (state === "pending") return h("span", { class: "why" }, "waits to be built");
  const person = personOf(owner ?? served?.author ?? "");
  const warnings = row.warnings === 0 ? "" : plural(row.warnings, "warning");
  return h("span", { class: "why" }, named(person), person !== "" && warnings !== "" && " · ", warnings);
}

function problem({ error }: BranchRow): Node {
  if (error === null) return h("span", { class: "why problem" }, "failed");
  const { first, issues, message, code } = error;
  if (first === null) return h("span", { class: "why problem", title: message }, `${code}: `, named(message));
  const more = issues > 1 ? ` and ${issues - 1} more` : "";
  return h(
    "span",
    { class: "why problem", title: `${placeOf(first)}\n${first.message}` },
    named(placeOf(first), { class: "place" }),
    " ",
    named(first.message),
    more,
  );
}
