import type { StatusStore } from "./status-store.ts";

export interface LiveOptions {
  /** The id of the status that the viewer has; without it the viewer is told which one to begin with. */
  readonly since: string | undefined;
  readonly signal: AbortSignal;
  /** Ends the connection of a viewer that takes nothing any more. */
  readonly drop: () => void;
  /** Milliseconds between signs of life. */
  readonly beatMs?: number;
  /** Milliseconds that a viewer may leave what it was sent unread. */
  readonly stallMs?: number;
  /** Milliseconds from the signal on in which a viewer may take the end; then it is dropped. */
  readonly graceMs?: number;
}

/**
 * One viewer's server-sent events: `change` with what is new, `reset` when the viewer has to read the whole status
 * first, and `beat`. Nothing is queued: the next event is made when the viewer has taken the one before, out of all
 * that happened meanwhile, so a slow viewer gets fewer and costs no memory. Ends when the signal
 * aborts.
 */
export function liveStream(store: StatusStore, options: LiveOptions): ReadableStream<Uint8Array> {
  const { signal, drop, beatMs = 15_000, stallMs = 60_000, graceMs = 2_000 } = options;
  const encoder = new TextEncoder();
  const over = new AbortController();
  const end = (): void => over.abort();
  // The end is sent when the viewer takes the next event, which one that has stopped reading never does.
  const leave = (): void => {
    end();
    setTimeout(drop, graceMs).unref();
  };
  let stall: NodeJS.Timeout | undefined;
  let at = options.since;
  let begun = false;
  signal.addEventListener("abort", leave, { once: true });
  const finish = (): void => {
    end();
    clearTimeout(stall);
    signal.removeEventListener("abort", leave);
  };
  const next = async (): Promise<string | undefined> => {
    if (!begun) {
      begun = true;
      // Headers and a first line go out at once, so that the viewer knows that it is connected.
      return "retry: 2000\n\n";
    }
    if (at !== undefined) await changedOrBeat(store, at, { beatMs, over: over.signal });
    if (over.signal.aborted) return undefined;
    const change = at === undefined ? undefined : store.changesSince(at);
    const beat = at === store.id;
    at = store.id;
    if (change === undefined) return event("reset", at, JSON.stringify({ id: at }));
    return beat
      ? event("beat", at, JSON.stringify({ at: new Date().toISOString() }))
      : event("change", at, change);
  };
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        clearTimeout(stall);
        if (signal.aborted) end();
        const text = over.signal.aborted ? undefined : await next();
        if (text === undefined) {
          finish();
          controller.close();
          return;
        }
        controller.enqueue(encoder.encode(text));
        stall = setTimeout(() => {
          finish();
          drop();
        }, stallMs);
        stall.unref();
      },
      cancel: finish,
    },
    { highWaterMark: 0 },
  );
}

function event(name: string, id: string, data: string): string {
  return `event: ${name}\nid: ${id}\ndata: ${data}\n\n`;
}

async function changedOrBeat(
  store: StatusStore,
  at: string,
  { beatMs, over }: { beatMs: number; over: AbortSignal },
): Promise<void> {
  const done = new AbortController();
  const stop = (): void => done.abort();
  const timer = setTimeout(stop, beatMs);
  over.addEventListener("abort", stop, { once: true });
  if (over.aborted) stop();
  await store.changed(at, done.signal);
  clearTimeout(timer);
  over.removeEventListener("abort", stop);
  stop();
}
