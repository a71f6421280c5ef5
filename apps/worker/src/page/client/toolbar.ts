import type { Facet } from "./address.ts";
import type { App } from "./app.ts";
import { h, icon } from "./element.ts";
import { countFacets } from "./select-branches.ts";

const facetWords: Readonly<Record<Facet, string>> = {
  all: "All branches",
  attention: "Failing",
  behind: "Behind",
  current: "In sync",
  live: "Live",
  drafts: "Drafts",
  pinned: "Pinned",
  deleted: "Deleted today",
};

export interface Toolbar {
  readonly element: HTMLElement;
  readonly search: HTMLInputElement;
  draw(shown: number): void;
}

/** What narrows the list of branches. */
export function toolbar(app: App): Toolbar {
  const search = h("input", {
    type: "search",
    id: "search",
    placeholder: "Search branches, authors, commits, errors",
    "aria-label": "Search branches",
    "aria-keyshortcuts": "/",
    autocomplete: "off",
    spellcheck: "false",
    on: {
      input: () => app.go({ search: search.value, view: "branches" }, { replace: true }),
      keydown: (event) => {
        if (event.key !== "Escape" || search.value === "") return;
        event.stopPropagation();
        app.go({ search: "" }, { replace: true });
      },
    },
  });
  const show = h("select", {
    "aria-label": "Which branches",
    on: { change: () => app.go({ facet: show.value as Facet }) },
  });
  const repository = h("select", {
    "aria-label": "Repository",
    on: { change: () => app.go({ repository: repository.value }) },
  });
  const count = h("p", { class: "count" });
  const element = h(
    "search",
    { class: "toolbar" },
    h("label", { class: "search" }, icon("search"), search, h("kbd", { "aria-hidden": "true" }, "/")),
    h("span", { class: "select" }, show, icon("down")),
    h("span", { class: "select" }, repository, icon("down")),
    count,
  );
  let counted = -1;
  let names = "";
  return {
    element,
    search,
    draw: (shown) => {
      const { address, branches, branchesRevision } = app;
      if (search.value !== address.search) search.value = address.search;
      if (counted !== branchesRevision) {
        counted = branchesRevision;
        fill(show, facetOptions(countFacets(branches.values())));
      }
      const known = [...app.repositories.values()].map(({ name }) => name).sort();
      if (names !== known.join("\n")) {
        names = known.join("\n");
        fill(repository, [["", "All repositories"], ...known.map((name) => [name, name] as const)]);
      }
      show.value = address.facet;
      repository.value = address.repository;
      const of = branches.size.toLocaleString("en");
      const text = app.loaded ? `${shown.toLocaleString("en")} of ${of}` : "";
      if (count.textContent !== text) count.textContent = text;
    },
  };
}

function facetOptions(counts: Record<Facet, number>): (readonly [string, string])[] {
  return (Object.keys(facetWords) as Facet[]).map(
    (facet) => [facet, `${facetWords[facet]} (${counts[facet].toLocaleString("en")})`] as const,
  );
}

function fill(select: HTMLSelectElement, options: readonly (readonly [string, string])[]): void {
  const value = select.value;
  select.replaceChildren(...options.map(([name, words]) => h("option", { value: name }, words)));
  select.value = value;
}
