import { h } from "./element.ts";

/** How far the server's clock is ahead of this one's, in milliseconds: what is told is told by the server's. */
let ahead = 0;

export function setServerTime(time: number): void {
  if (Number.isFinite(time)) ahead = time - Date.now();
}

export function now(): number {
  return Date.now() + ahead;
}

/** A length of time in at most two units: `4 s`, `3 min`, `1 h 10 min`, `5 d`. */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return hours < 2 && minutes % 60 > 0 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.floor(hours / 24)} d`;
}

/** A build's time: `840 ms`, `2.4 s`. */
export function took(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return milliseconds < 60_000 ? `${(milliseconds / 1000).toFixed(1)} s` : span(milliseconds);
}

const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

export function exactly(at: string): string {
  return exact.format(new Date(at));
}

type Wording = "ago" | "since" | "in";

function worded(at: string, wording: Wording): string {
  const passed = now() - Date.parse(at);
  if (wording === "since") return span(passed);
  if (wording === "in") return passed >= 0 ? "now" : `in ${span(-passed)}`;
  return passed < 1500 ? "now" : `${span(passed)} ago`;
}

/** A time in relation to now, kept up to date by {@link tick}; the exact one is in its title. */
export function time(
  at: string,
  { wording = "ago", class: names }: { wording?: Wording; class?: string } = {},
) {
  return h(
    "time",
    { datetime: at, title: exactly(at), "data-wording": wording, class: names },
    worded(at, wording),
  );
}

/** Brings all times on the page up to date. */
export function tick(): void {
  for (const element of document.querySelectorAll<HTMLTimeElement>("time[data-wording]")) {
    const text = worded(element.dateTime, element.dataset["wording"] as Wording);
    if (element.textContent !== text) element.textContent = text;
  }
}
