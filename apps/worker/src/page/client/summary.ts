import type { HourlyCounts, Totals } from "../../status/status-schema.ts";
import type { Facet } from "./address.ts";
import type { App } from "./app.ts";
import { byId, h, plural } from "./element.ts";
import { now, time } from "./time.ts";

interface Tile {
  readonly facet: Facet;
  readonly name: string;
  readonly tone: string;
  readonly count: (totals: Totals) => number;
  readonly note: (totals: Totals) => string | Node;
}

const tiles: readonly Tile[] = [
  {
    facet: "all",
    name: "Branches",
    tone: "plain",
    count: ({ branches }) => branches,
    note: ({ live, drafts }) => `${live.toLocaleString("en")} live, ${plural(drafts, "draft")}`,
  },
  {
    facet: "current",
    name: "In sync",
    tone: "ready",
    count: ({ states }) => states.ready,
    note: ({ states, branches }) =>
      branches === 0 ? "" : states.ready === branches ? "all of them" : share(states.ready, branches),
  },
  {
    facet: "behind",
    name: "Behind",
    tone: "pending",
    count: ({ queue }) => queue,
    note: ({ oldestWait, states }) =>
      oldestWait === null
        ? "nothing waits"
        : h("span", {}, `${states.building} building, oldest `, time(oldestWait, { wording: "since" })),
  },
  {
    facet: "attention",
    name: "Failing",
    tone: "error",
    count: ({ states }) => states.error + states.parked,
    note: ({ states, unserved }) => {
      if (states.error + states.parked === 0) return "nothing to do";
      if (states.parked > 0) return `${states.parked} given up`;
      return unserved > 0 ? `${unserved.toLocaleString("en")} never served` : "last good one served";
    },
  },
  {
    facet: "pinned",
    name: "Pinned",
    tone: "pinned",
    count: ({ pinned }) => pinned,
    note: ({ pinned }) => (pinned === 0 ? "none rolled back" : "rolled back by hand"),
  },
];

function share(part: number, whole: number): string {
  const percent = (part / whole) * 100;
  return `${percent > 99 ? percent.toFixed(percent > 99.9 ? 2 : 1) : Math.round(percent)} % of all`;
}

/** The numbers on top; each shows the branches that it counts. */
export function summary(app: App): () => void {
  const section = byId("summary");
  let drawn = "";
  return () => {
    const { singles, address } = app;
    const shown = address.view === "branches" ? address.facet : undefined;
    const state = JSON.stringify([app.loaded, singles?.totals, singles?.hours, shown]);
    if (state === drawn) return;
    drawn = state;
    const focused = document.activeElement?.getAttribute("data-facet");
    section.replaceChildren(
      h("div", { class: "tiles" }, ...tiles.map((tile) => drawTile(app, tile, shown))),
      drawHours(app.loaded ? singles?.hours : undefined),
    );
    if (focused) section.querySelector<HTMLElement>(`[data-facet="${focused}"]`)?.focus();
  };
}

function drawTile(app: App, { facet, name, tone, count, note }: Tile, shown: Facet | undefined): HTMLElement {
  const totals = app.loaded ? app.singles?.totals : undefined;
  const number = totals === undefined ? undefined : count(totals);
  const pressed = facet === shown;
  return h(
    "button",
    {
      type: "button",
      class: `tile tone-${tone}${number === 0 ? " zero" : ""}`,
      "aria-pressed": String(pressed),
      "data-facet": facet,
      on: {
        click: () => app.go({ view: "branches", facet: pressed ? "all" : facet, selected: undefined }),
      },
    },
    h("span", { class: "tile-name" }, name),
    h("strong", { class: "tile-count" }, number === undefined ? "–" : number.toLocaleString("en")),
    h("span", { class: "tile-note" }, totals === undefined ? "" : note(totals)),
  );
}

const HOURS = 24;

/** A bar for each of the last 24 hours: what was published, and on top of it what failed. */
function drawHours(hours: readonly HourlyCounts[] | undefined): HTMLElement {
  const known = new Map((hours ?? []).map((each) => [Date.parse(each.hour), each]));
  const last = Math.floor(now() / 3_600_000) * 3_600_000;
  const columns = Array.from({ length: HOURS }, (_, index) => {
    const start = last - (HOURS - 1 - index) * 3_600_000;
    const { published = 0, failed = 0 } = known.get(start) ?? {};
    return { start, published, failed };
  });
  const most = Math.max(1, ...columns.map(({ published, failed }) => published + failed));
  const published = columns.reduce((sum, column) => sum + column.published, 0);
  const failed = columns.reduce((sum, column) => sum + column.failed, 0);
  const caption =
    hours === undefined
      ? "–"
      : `${published.toLocaleString("en")} published, ${failed.toLocaleString("en")} failed`;
  return h(
    "figure",
    { class: "hours" },
    h(
      "figcaption",
      {},
      h("span", { class: "tile-name" }, "Last 24 hours"),
      h("span", { class: "hours-sum" }, caption),
    ),
    h(
      "div",
      { class: "bars", role: "img", "aria-label": `Builds in the last 24 hours: ${caption}` },
      ...columns.map((column) => drawBar(column, most)),
    ),
  );
}

function drawBar(
  { start, published, failed }: { start: number; published: number; failed: number },
  most: number,
): HTMLElement {
  const hour = new Date(start).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const bar = h("span", { class: "column", title: `${hour}: ${published} published, ${failed} failed` });
  // Square roots, so that one busy hour does not make the others vanish.
  const height = 28 * Math.sqrt((published + failed) / most);
  for (const [name, count] of [
    ["failed", failed],
    ["published", published],
  ] as const) {
    if (count === 0) continue;
    const part = h("i", { class: name });
    part.style.height = `${Math.max(2, Math.round((height * count) / (published + failed)))}px`;
    bar.append(part);
  }
  return bar;
}
