import { recallToken } from "./actions.ts";
import { activity } from "./activity.ts";
import { views, type View } from "./address.ts";
import { announcer } from "./announce.ts";
import { App } from "./app.ts";
import { branchList } from "./branch-list.ts";
import { branchPanel } from "./branch-panel.ts";
import { connect } from "./connection.ts";
import { deliveries } from "./deliveries.ts";
import { byId, h, keepFocus } from "./element.ts";
import { header } from "./header.ts";
import { repositories } from "./repositories.ts";
import { listenToKeys } from "./shortcuts.ts";
import { summary } from "./summary.ts";
import { tick } from "./time.ts";
import { toolbar } from "./toolbar.ts";
import { isSilent, workers } from "./workers.ts";

const viewWords: Readonly<Record<View, string>> = {
  branches: "Branches",
  repositories: "Repositories",
  workers: "Workers",
  deliveries: "Deliveries",
  activity: "Activity",
};

const app = new App(draw);
const list = branchList(app);
const bar = toolbar(app);
const panel = branchPanel(app);
const drawHeader = header(app);
const drawSummary = summary(app);
const announce = announcer();
const branchesView = h("section", { class: "view", "aria-label": "Branches" }, bar.element, list.element);
const otherView = h("section", { class: "view" });
byId("main").append(branchesView, otherView);
let opened = "";
let panelShows = "";
let viewShows = "";

recallToken(app);
listenToKeys(app, { list, search: bar.search });
addEventListener("popstate", () => app.readAddress());
document.addEventListener("click", followInside);
setInterval(tick, 1_000);
connect(app);
app.changed();

function draw(): void {
  drawHeader();
  drawSummary();
  drawViews();
  drawMain();
  drawPanel();
  announce(app.loaded ? app.singles?.totals : undefined);
}

function drawMain(): void {
  const { view } = app.address;
  branchesView.hidden = view !== "branches";
  otherView.hidden = view === "branches";
  if (view === "branches") {
    list.draw();
    bar.draw(list.count);
    return;
  }
  const focused = keepFocus(otherView);
  // Somebody is typing there; it is drawn again with the next change.
  if (otherView.contains(document.activeElement) && document.activeElement instanceof HTMLInputElement)
    return;
  const drawers = { repositories, workers, deliveries, activity };
  const scrolled = otherView.querySelector(".scroller, .activity")?.scrollTop ?? 0;
  otherView.setAttribute("aria-label", viewWords[view]);
  otherView.replaceChildren(drawers[view](app));
  if (viewShows === view) otherView.querySelector(".scroller, .activity")?.scrollTo(0, scrolled);
  viewShows = view;
  focused();
}

function drawPanel(): void {
  const aside = byId("panel");
  const { selected } = app.address;
  const shows = selected === undefined ? "activity" : "branch";
  aside.setAttribute("aria-label", selected === undefined ? "Latest events" : "Branch");
  document.body.classList.toggle("detail-open", selected !== undefined);
  if (selected === undefined) {
    const state = JSON.stringify(app.singles?.latest[0] ?? null);
    if (panelShows !== `activity ${state}`) {
      const focused = keepFocus(aside);
      aside.replaceChildren(activity(app));
      focused();
    }
    panelShows = `activity ${state}`;
  } else {
    if (!panelShows.startsWith(shows)) aside.replaceChildren(panel.element);
    panelShows = shows;
  }
  panel.draw();
  const now = selected === undefined ? "" : JSON.stringify(selected);
  if (now !== opened && now !== "") panel.focus();
  opened = now;
}

function drawViews(): void {
  const nav = byId("views");
  const counts: Readonly<Record<View, number | undefined>> = {
    branches: app.singles?.totals.branches,
    repositories: app.repositories.size,
    workers: [...app.workers.values()].filter((worker) => !isSilent(worker)).length,
    deliveries: undefined,
    activity: undefined,
  };
  const troubled: Readonly<Record<View, boolean>> = {
    branches: false,
    repositories: [...app.repositories.values()].some(({ error, guard }) => error !== null || guard !== null),
    workers: [...app.workers.values()].some((worker) => worker.failingLoops.length > 0),
    deliveries: false,
    activity: false,
  };
  const state = JSON.stringify([app.address.view, counts, troubled]);
  if (nav.dataset["state"] === state) return;
  nav.dataset["state"] = state;
  const focused = keepFocus(nav);
  nav.replaceChildren(
    ...views.map((view) =>
      h(
        "button",
        {
          type: "button",
          class: "view-link",
          "aria-current": app.address.view === view ? "page" : undefined,
          on: { click: () => app.go({ view, selected: undefined }) },
        },
        viewWords[view],
        counts[view] !== undefined && h("span", { class: "badge" }, counts[view].toLocaleString("en")),
        troubled[view] &&
          h("span", { class: "trouble" }, h("span", { class: "hidden-text" }, "needs attention")),
      ),
    ),
  );
  focused();
}

/** Links within the page change its address without loading it anew. */
function followInside(event: MouseEvent): void {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button !== 0) return;
  const link = (event.target as Element).closest<HTMLAnchorElement>("a[data-internal]");
  if (link === null) return;
  event.preventDefault();
  history.pushState(null, "", link.getAttribute("href"));
  app.readAddress();
}
