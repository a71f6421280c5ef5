import { views } from "./address.ts";
import type { App } from "./app.ts";
import type { BranchList } from "./branch-list.ts";
import { shortcutHelp } from "./dialogs.ts";

/** Keys that work wherever nothing is typed. */
export function listenToKeys(
  app: App,
  { list, search }: { list: BranchList; search: HTMLInputElement },
): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]") !== null) return;
    if (event.key === "Escape") {
      escape(app, list, search);
      return;
    }
    if (isTyping(event.target)) {
      if (event.target === search && (event.key === "ArrowDown" || event.key === "Enter")) {
        event.preventDefault();
        list.focus();
      }
      return;
    }
    if (press(app, event.key, { list, search })) event.preventDefault();
  });
}

function press(
  app: App,
  key: string,
  { list, search }: { list: BranchList; search: HTMLInputElement },
): boolean {
  const view = /^[1-9]$/.test(key) ? views[Number(key) - 1] : undefined;
  if (view !== undefined) app.go({ view, selected: undefined });
  else if (key === "/") {
    const find = (): void => {
      search.focus();
      search.select();
    };
    // At once where it can be, for the next key may follow before the next frame; hidden by another view, it can be
    // focused once that is gone.
    if (app.address.view === "branches") find();
    else {
      app.go({ view: "branches" });
      requestAnimationFrame(find);
    }
  } else if (key === "j" || key === "k" || key === "ArrowDown" || key === "ArrowUp") {
    if (app.address.view !== "branches") return false;
    list.focus();
  } else if (key === "f") {
    app.go({ view: "branches", facet: app.address.facet === "attention" ? "all" : "attention" });
  } else if (key === "?") void shortcutHelp();
  else return false;
  return true;
}

function escape(app: App, list: BranchList, search: HTMLInputElement): void {
  if (app.address.selected !== undefined) {
    app.go({ selected: undefined });
    list.focus();
  } else if (app.address.search !== "" || app.address.facet !== "all") app.go({ search: "", facet: "all" });
  else if (document.activeElement === search) list.focus();
}

function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return target.type !== "checkbox" && target.type !== "button";
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}
