import type { BranchDetail, BranchRow, ContentIssue } from "../../status/status-schema.ts";
import { h, icon, named, plural } from "./element.ts";
import { placeOf } from "./words.ts";

/** What is wrong with a branch's files, by file, line and column. */
export function branchProblems(
  { blocking, warnings }: BranchDetail,
  row: BranchRow | undefined,
): HTMLElement[] {
  const commit = row?.error?.commit?.slice(0, 8) ?? "the newest commit";
  return [
    ...issueList(blocking, `${plural(blocking.total, "problem")} in ${commit}`),
    ...issueList(warnings, `${plural(warnings.total, "warning")} in what is served`),
  ];
}

function issueList({ total, shown }: BranchDetail["blocking"], title: string): HTMLElement[] {
  if (total === 0) return [];
  return [
    h(
      "section",
      {},
      h("h3", {}, title),
      h("ul", { class: "issues" }, ...shown.map(issue)),
      total > shown.length && h("p", { class: "muted" }, `The first ${shown.length} are shown.`),
    ),
  ];
}

function issue(found: ContentIssue): HTMLElement {
  const { severity, code, message } = found;
  return h(
    "li",
    { class: severity },
    icon("error"),
    h("span", { class: "hidden-text" }, severity),
    named(placeOf(found), { class: "place" }),
    h("p", {}, named(message), " ", h("span", { class: "code" }, code)),
  );
}
