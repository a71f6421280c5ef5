import { setImmediate } from "node:timers/promises";

/** Milliseconds of work between two turns of the event loop. */
const turnMs = 20;

/** Lets long synchronous work give way: to timers, to an abort, and to whoever watches the progress. */
export class Turns {
  readonly #signal: AbortSignal | undefined;
  /** Told before each pause. */
  onPause: () => void = () => undefined;
  #end = performance.now() + turnMs;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  get due(): boolean {
    return performance.now() >= this.#end;
  }

  /** @throws what the signal was aborted with */
  async pause(): Promise<void> {
    this.onPause();
    await setImmediate();
    this.#signal?.throwIfAborted();
    this.#end = performance.now() + turnMs;
  }
}
