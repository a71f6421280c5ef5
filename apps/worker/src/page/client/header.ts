import { lock, unlock } from "./actions.ts";
import type { App, Link } from "./app.ts";
import { shortcutHelp } from "./dialogs.ts";
import { byId, h, icon, named, plural } from "./element.ts";
import { exactly, span, now } from "./time.ts";

const linkWords: Readonly<Record<Link, string>> = {
  connecting: "Connecting…",
  live: "Live",
  lost: "Reconnecting…",
};

/** Who answers, whether what is shown is live, and what to do when it is not. */
export function header(app: App): () => void {
  const unlockButton = byId("unlock");
  unlockButton.addEventListener("click", () => {
    if (app.token === undefined) void unlock(app);
    else lock(app);
  });
  byId("help").addEventListener("click", () => void shortcutHelp());
  const banner = byId("banner");
  let drawn = "";
  return () => {
    const { singles, link, worker, actions, token } = app;
    const state = JSON.stringify([
      singles?.health,
      link,
      worker,
      actions,
      token === undefined,
      app.singles?.totals.notShown,
    ]);
    document.title = titleOf(app);
    if (state === drawn) return;
    drawn = state;
    const stale = link === "live" && singles?.health.ok === false;
    byId("connection").dataset["state"] = stale ? "stale" : link;
    byId("connection-text").textContent = stale ? "Database away" : linkWords[link];
    byId("host").replaceChildren(
      ...(worker === "" ? [] : [named(worker, { title: "The worker that answers" })]),
    );
    unlockButton.hidden = !actions;
    unlockButton.replaceChildren(
      icon(token === undefined ? "lock" : "unlock"),
      h("span", { class: "wide" }, token === undefined ? "Unlock actions" : "Lock actions"),
      h(
        "span",
        { class: "hidden-text narrow-only" },
        token === undefined ? "Unlock actions" : "Lock actions",
      ),
    );
    const message = bannerOf(app);
    banner.hidden = message === undefined;
    banner.replaceChildren(...(message === undefined ? [] : [icon("error"), h("p", {}, message)]));
  };
}

function bannerOf({ singles, link, heardAt, loaded }: App): string | undefined {
  if (link === "lost" && loaded) {
    const when = heardAt === undefined ? "" : ` What you see is from ${exactly(heardAt)}.`;
    return `The worker does not answer.${when} This page tries again by itself.`;
  }
  if (link !== "live" || singles === undefined) return undefined;
  const { health, totals } = singles;
  if (!health.ok && !health.loaded) return health.reason ?? undefined;
  if (!health.ok) {
    const since = span(now() - Date.parse(health.since));
    return `The worker has not been able to look at the database for ${since}: ${health.reason ?? ""} What you see is from before. Branches stay served.`;
  }
  if (totals.notShown > 0) {
    return `There are too many branches for one page: ${plural(totals.notShown, "branch is", "branches are")} not shown. What fails, what is live and what moved last is.`;
  }
  return undefined;
}

function titleOf({ singles, link }: App): string {
  if (singles === undefined || !singles.health.loaded) return "Headstart status";
  const { states, queue } = singles.totals;
  const failing = states.error + states.parked;
  const mark =
    link === "lost"
      ? "offline"
      : failing > 0
        ? `${failing} failing`
        : queue > 0
          ? `${queue} behind`
          : "in sync";
  return `${mark} · Headstart`;
}
