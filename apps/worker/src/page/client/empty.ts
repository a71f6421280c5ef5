import { start } from "./address.ts";
import type { App } from "./app.ts";
import { h } from "./element.ts";

/** Says why there is no branch to see, and what to do about it. */
export function showEmptyList(app: App, place: HTMLElement): void {
  const { search, facet, repository } = app.address;
  const state = JSON.stringify([
    app.loaded,
    app.link,
    app.branches.size,
    app.repositories.size,
    search,
    facet,
    repository,
  ]);
  if (place.dataset["state"] === state) return;
  place.dataset["state"] = state;
  if (!app.loaded) {
    place.replaceChildren(...(app.link === "lost" ? unreachable() : loading()));
  } else if (app.repositories.size === 0) {
    place.replaceChildren(...noRepository());
  } else if (app.branches.size === 0) {
    place.replaceChildren(...noBranch());
  } else {
    place.replaceChildren(...noMatch(app));
  }
}

function loading(): Node[] {
  const line = (): Node => h("span", { class: "ghost" });
  return [h("p", { class: "hidden-text" }, "Loading…"), ...Array.from({ length: 7 }, line)];
}

function unreachable(): Node[] {
  return [
    h("h2", {}, "The worker does not answer"),
    h(
      "p",
      {},
      "This page asks again by itself. If it stays like this, look whether the worker runs: its ",
      h("a", { href: "healthz" }, "health"),
      " and its log say more.",
    ),
  ];
}

const example = `repositories: [
  {
    name: "handbook",
    url: "https://git.example.org/handbook.git",
    projector: "pages",
  },
],`;

function noRepository(): Node[] {
  return [
    h("h2", {}, "No repository yet"),
    h(
      "p",
      {},
      "Name the first one in ",
      h("code", {}, "headstart-worker.config.ts"),
      " and start the worker again:",
    ),
    h("pre", {}, h("code", {}, example)),
  ];
}

function noBranch(): Node[] {
  return [
    h("h2", {}, "No branch yet"),
    h(
      "p",
      {},
      "The repositories are looked at for the first time, or none of their branches matches what is live (the default branch) or a draft (",
      h("code", {}, "drafts/**"),
      "). The view Repositories says when each was looked at, and what went wrong.",
    ),
  ];
}

function noMatch(app: App): Node[] {
  const { search, facet } = app.address;
  const calm = search === "" && facet === "attention";
  return [
    h("h2", {}, calm ? "Nothing fails" : "No branch matches"),
    h(
      "p",
      {},
      calm
        ? "Every branch is served as it was last pushed, or is about to be."
        : "Names, repositories, authors, commits, states and error messages are searched; all words have to occur.",
    ),
    h(
      "button",
      {
        type: "button",
        on: { click: () => app.go({ ...start, selected: app.address.selected }) },
      },
      "Show all branches",
    ),
  ];
}
