import type { Status, StatusChange } from "../../status/status-schema.ts";
import type { App } from "./app.ts";
import { setServerTime } from "./time.ts";

/** A stream that was silent for this long is taken for lost, in milliseconds: two beats and a half. */
const SILENCE_MS = 40_000;

/** How long a page that nobody sees stays connected, in milliseconds: a browser has six connections to a host. */
const HIDDEN_MS = 60_000;

const RETRY_MS = [500, 1_000, 2_000, 5_000, 10_000] as const;

/**
 * Keeps the app in step with the server: the whole status once, then what changes. Comes back by itself, from where
 * it was, and from the whole status when the server says `reset`.
 */
export function connect(app: App): void {
  let source: EventSource | undefined;
  let at: string | undefined;
  let failures = 0;
  let retry: number | undefined;
  let silence: number | undefined;
  let hidden: number | undefined;
  /** Counts what was begun and ended, so that a status that arrives late is not followed. */
  let turn = 0;

  const close = (): void => {
    turn += 1;
    source?.close();
    source = undefined;
    clearTimeout(retry);
    clearTimeout(silence);
  };
  const heard = (time?: string): void => {
    clearTimeout(silence);
    silence = setTimeout(lost, SILENCE_MS);
    app.heardAt = time ?? new Date().toISOString();
    failures = 0;
    if (app.link !== "live") {
      app.link = "live";
      app.changed();
    }
  };
  const lost = (): void => {
    close();
    app.link = "lost";
    app.changed();
    const wait = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] ?? 0;
    failures += 1;
    retry = setTimeout(open, wait * (0.75 + Math.random() / 2));
  };
  const open = (): void => {
    close();
    if (at === undefined) {
      const mine = turn;
      void load().then(
        (status) => {
          if (mine !== turn) return;
          at = status.id;
          app.take(status);
          follow();
        },
        () => {
          if (mine === turn) lost();
        },
      );
      return;
    }
    follow();
  };
  const follow = (): void => {
    const opened = new EventSource(`live?since=${encodeURIComponent(at ?? "")}`);
    source = opened;
    opened.addEventListener("open", () => heard());
    opened.addEventListener("beat", (event) => {
      const { at: time } = JSON.parse(event.data) as { at: string };
      setServerTime(Date.parse(time));
      heard(time);
    });
    opened.addEventListener("change", (event) => {
      const change = JSON.parse(event.data) as StatusChange;
      at = change.id;
      app.merge(change);
      heard();
    });
    // The server does not know where this page was: it was started again, or is another one.
    opened.addEventListener("reset", () => {
      at = undefined;
      open();
    });
    opened.addEventListener("error", lost);
  };

  addEventListener("online", open);
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => {
    if (event.persisted) open();
  });
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hidden);
    if (document.hidden) hidden = setTimeout(close, HIDDEN_MS);
    else if (source === undefined) open();
  });
  open();
}

async function load(): Promise<Status> {
  const response = await fetch("status", { headers: { accept: "application/json" } });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  setServerTime(Date.parse(response.headers.get("date") ?? ""));
  return (await response.json()) as Status;
}
