import type { BranchRow } from "../../status/status-schema.ts";
import type { Sort } from "./address.ts";
import type { App } from "./app.ts";
import { branchRow } from "./branch-row.ts";
import { h } from "./element.ts";
import { selectBranches } from "./select-branches.ts";
import { showEmptyList } from "./empty.ts";

/** Rows beyond both edges, so that a quick scroll meets no blank. */
const BEYOND = 8;

interface Drawn {
  readonly element: HTMLElement;
  readonly key: string;
  readonly row: BranchRow;
}

export interface BranchList {
  readonly element: HTMLElement;
  draw(): void;
  /** Branches that are shown at present. */
  readonly count: number;
  /** Puts the keyboard on the list. */
  focus(): void;
}

const headings: readonly { sort?: Sort; name: string; words: string }[] = [
  { sort: "attention", name: "state", words: "State" },
  { sort: "branch", name: "name", words: "Branch" },
  { name: "commits", words: "Served → wanted" },
  { sort: "behind", name: "behind", words: "Behind" },
  { sort: "changed", name: "changed", words: "Changed" },
];

/**
 * The branches, as a grid of which only the rows in sight are in the document, whether there are five or thousands.
 * The keyboard's place is the grid's `aria-activedescendant`, so it survives its row being redrawn or scrolled away.
 */
export function branchList(app: App): BranchList {
  const body = h("div", { role: "rowgroup", class: "rows" });
  const header = h("div", { role: "row", class: "header", "aria-rowindex": 1 });
  const grid = h(
    "div",
    {
      role: "grid",
      id: "branches",
      class: "grid",
      tabindex: 0,
      "aria-label": "Branches",
      "aria-colcount": 5,
    },
    h("div", { role: "rowgroup", class: "head" }, header),
    body,
  );
  const empty = h("div", { class: "empty", hidden: true });
  const scroller = h("div", { class: "scroller" }, grid, empty);
  const drawn = new Map<string, Drawn>();
  let rows: readonly BranchRow[] = [];
  let question = "";
  let revision = -1;
  let active: string | undefined;

  const rowHeight = (): number => {
    const height = Number.parseFloat(getComputedStyle(body).getPropertyValue("--row-height"));
    return Number.isNaN(height) ? 48 : height;
  };
  const select = (): void => {
    const { search, facet, repository, sort } = app.address;
    const asked = JSON.stringify([search, facet, repository, sort]);
    if (asked === question && app.branchesRevision === revision) return;
    if (asked !== question) scroller.scrollTop = 0;
    question = asked;
    revision = app.branchesRevision;
    rows = selectBranches(app.branches.values(), app.address);
  };
  const drawRows = (): void => {
    const height = rowHeight();
    const top = Math.max(0, scroller.scrollTop);
    const first = Math.max(0, Math.floor(top / height) - BEYOND);
    const last = Math.min(rows.length, Math.ceil((top + scroller.clientHeight) / height) + BEYOND);
    body.style.height = `${rows.length * height}px`;
    const kept = new Set<string>();
    for (let index = first; index < last; index += 1) {
      const row = rows[index];
      if (row === undefined) continue;
      kept.add(row.id);
      const element = drawRow(row, index, height);
      // In the order in which they are seen, for whoever reads the document.
      const there = body.children[index - first];
      if (there !== element) body.insertBefore(element, there ?? null);
    }
    for (const [id, { element }] of drawn) {
      if (kept.has(id)) continue;
      element.remove();
      drawn.delete(id);
    }
    grid.setAttribute("aria-rowcount", String(rows.length + 1));
    if (active !== undefined && kept.has(active)) grid.setAttribute("aria-activedescendant", `row-${active}`);
    else grid.removeAttribute("aria-activedescendant");
  };
  const paused = new Set<string>();
  const drawRow = (row: BranchRow, index: number, height: number): HTMLElement => {
    const { selected } = app.address;
    const options = { address: app.address, paused: paused.has(row.repository) };
    const key = JSON.stringify([options.paused, question]);
    const before = drawn.get(row.id);
    let element = before?.element;
    if (element === undefined || before?.row !== row || before.key !== key) {
      element = branchRow(row, options);
      if (before !== undefined && before.row !== row) element.classList.add("fresh");
      before?.element.replaceWith(element);
      drawn.set(row.id, { element, key, row });
    }
    // In place: a row that is replaced between a press and its release gets no click.
    const chosen = selected?.repository === row.repository && selected.branch === row.branch;
    element.classList.toggle("active", row.id === active);
    element.setAttribute("aria-selected", String(chosen));
    element.setAttribute("aria-rowindex", String(index + 2));
    element.style.transform = `translateY(${index * height}px)`;
    return element;
  };
  const drawHeader = (): void => {
    const { sort } = app.address;
    if (header.dataset["sort"] === sort) return;
    header.dataset["sort"] = sort;
    header.replaceChildren(...headings.map((heading) => columnHeader(app, heading)));
  };
  const open = (row: BranchRow | undefined): void => {
    if (row === undefined) return;
    active = row.id;
    app.go({ selected: { repository: row.repository, branch: row.branch } });
  };
  const move = (to: (index: number) => number): void => {
    const at = rows.findIndex(({ id }) => id === active);
    const index = Math.max(0, Math.min(rows.length - 1, to(at)));
    active = rows[index]?.id;
    const height = rowHeight();
    const header_ = 34;
    const top = index * height;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + height > scroller.scrollTop + scroller.clientHeight - header_) {
      scroller.scrollTop = top + height - scroller.clientHeight + header_;
    }
    drawRows();
  };
  const page = (): number => Math.max(1, Math.floor(scroller.clientHeight / rowHeight()) - 1);
  const moves: Readonly<Record<string, (at: number) => number>> = {
    ArrowDown: (at) => at + 1,
    j: (at) => at + 1,
    ArrowUp: (at) => at - 1,
    k: (at) => at - 1,
    PageDown: (at) => at + page(),
    PageUp: (at) => at - page(),
    Home: () => 0,
    End: () => rows.length - 1,
  };
  grid.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== grid) return;
    const to = moves[event.key];
    if (to !== undefined) move(to);
    else if (event.key === "Enter" || event.key === " ") open(rows.find(({ id }) => id === active));
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  grid.addEventListener("focus", () => {
    if (active === undefined || !rows.some(({ id }) => id === active)) active = rows[0]?.id;
    drawRows();
  });
  body.addEventListener("click", (event) => {
    // A new tab or window is the browser's business.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (getSelection()?.type === "Range") return;
    event.preventDefault();
    const id = (event.target as Element).closest<HTMLElement>(".row")?.dataset["id"];
    // A row that was drawn anew meanwhile is found by where it was clicked.
    const place = Math.floor((event.clientY - body.getBoundingClientRect().top) / rowHeight());
    open(id === undefined ? rows[place] : rows.find((row) => row.id === id));
  });
  let frame = 0;
  scroller.addEventListener(
    "scroll",
    () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(drawRows);
    },
    { passive: true },
  );
  new ResizeObserver(() => drawRows()).observe(scroller);

  return {
    element: scroller,
    get count() {
      return rows.length;
    },
    focus: () => grid.focus(),
    draw: () => {
      paused.clear();
      for (const { name, pausedAt } of app.repositories.values()) if (pausedAt !== null) paused.add(name);
      select();
      drawHeader();
      const nothing = rows.length === 0;
      grid.hidden = nothing;
      empty.hidden = !nothing;
      if (nothing) showEmptyList(app, empty);
      drawRows();
    },
  };
}

function columnHeader(app: App, { sort, name, words }: (typeof headings)[number]): HTMLElement {
  const sorted = sort !== undefined && app.address.sort === sort;
  return h(
    "div",
    {
      role: "columnheader",
      class: `cell ${name}`,
      "aria-sort": sort === undefined ? undefined : sorted ? "descending" : "none",
    },
    sort === undefined
      ? words
      : h(
          "button",
          {
            type: "button",
            class: "sort",
            tabindex: -1,
            on: { click: () => app.go({ sort }, { replace: true }) },
          },
          words,
        ),
  );
}
