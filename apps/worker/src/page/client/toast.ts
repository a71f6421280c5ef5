import { byId, h, icon } from "./element.ts";

/** Milliseconds that a message stays. */
const STAYS_MS = { done: 6_000, failed: 12_000 } as const;

/** Says what happened, on the screen and to a screen reader. */
export function toast(message: string, kind: keyof typeof STAYS_MS): void {
  const close = (): void => element.remove();
  const element = h(
    "p",
    { class: `toast ${kind}` },
    icon(kind === "done" ? "ready" : "error"),
    h("span", {}, message),
    h(
      "button",
      { type: "button", class: "quiet", "aria-label": "Dismiss", on: { click: close } },
      icon("close"),
    ),
  );
  const toasts = byId("toasts");
  toasts.append(element);
  while (toasts.childElementCount > 3) toasts.firstElementChild?.remove();
  setTimeout(close, STAYS_MS[kind]);
}
