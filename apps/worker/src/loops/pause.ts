import type { Bell } from "./bell.ts";

/** Waits for the time, the bell or the end, whichever comes first. Never rejects, and leaves no timer. */
export async function pause(milliseconds: number, signal: AbortSignal, bell?: Bell): Promise<void> {
  if (signal.aborted) return;
  const over = new AbortController();
  const end = (): void => over.abort();
  const timer = setTimeout(end, milliseconds);
  signal.addEventListener("abort", end, { once: true });
  const ended = new Promise<void>((resolve) =>
    over.signal.addEventListener("abort", () => resolve(), { once: true }),
  );
  await Promise.race([ended, ...(bell === undefined ? [] : [bell.next(over.signal)])]);
  clearTimeout(timer);
  signal.removeEventListener("abort", end);
  end();
}
