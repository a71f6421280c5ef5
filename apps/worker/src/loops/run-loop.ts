import { pause } from "./pause.ts";
import { backoffMs } from "./backoff.ts";
import type { Bell } from "./bell.ts";
import type { LoopBoard } from "./loop-board.ts";

export interface LoopOptions {
  /** Its name in log and metrics; one of a few, never made of data. */
  readonly loop: string;
  /** Milliseconds between two turns that had nothing to do. */
  readonly everyMs: number;
  /** Ends the pause. */
  readonly bell?: Bell;
  /** @see LoopBoard.started */
  readonly silentMs?: number;
  /** One turn. True: there may be more to do, so the next one follows at once. Its failure is told to the board. */
  readonly turn: (signal: AbortSignal) => Promise<boolean | void>;
}

/** Takes turns until the signal aborts; after a failed one it backs off. Never rejects. */
export async function runLoop(
  { loops }: { readonly loops: LoopBoard },
  signal: AbortSignal,
  { loop, everyMs, bell, silentMs, turn }: LoopOptions,
): Promise<void> {
  loops.started(loop, silentMs);
  for (let failures = 0; !signal.aborted;) {
    try {
      const more = await turn(signal);
      failures = 0;
      loops.turned(loop);
      if (more !== true) await pause(everyMs, signal, bell);
    } catch (error) {
      if (signal.aborted) break;
      failures += 1;
      loops.failed(loop, error);
      await pause(backoffMs(failures), signal);
    }
  }
  loops.ended(loop);
}
