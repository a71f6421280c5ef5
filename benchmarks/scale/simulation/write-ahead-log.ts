import type { Clock, Process } from "./clock.ts";

/**
 * The log of a Postgres server: whoever commits while a flush is under way shares the next one ("group commit"), so
 * what limits it is bytes, not commits.
 */
export class WriteAheadLog {
  readonly #clock: Clock;
  readonly #flushMs: number;
  readonly #bytesPerMs: number;
  #waiting: (() => void)[] = [];
  #bytes = 0;
  #flushing = false;
  #written = 0;
  #commits = 0;
  #countedFrom = 0;

  constructor(clock: Clock, { flushMs, bytesPerMs }: { flushMs: number; bytesPerMs: number }) {
    this.#clock = clock;
    this.#flushMs = flushMs;
    this.#bytesPerMs = bytesPerMs;
  }

  *commit(bytes: number): Process {
    yield (resume) => {
      this.#bytes += bytes;
      this.#commits += 1;
      this.#waiting.push(resume);
      if (!this.#flushing) this.#flush();
    };
  }

  #flush(): void {
    const [woken, bytes] = [this.#waiting, this.#bytes];
    this.#waiting = [];
    this.#bytes = 0;
    this.#flushing = woken.length > 0;
    if (!this.#flushing) return;
    this.#written += bytes;
    this.#clock.after(this.#flushMs + bytes / this.#bytesPerMs, () => {
      this.#flush();
      for (const resume of woken) resume();
    });
  }

  reset(): void {
    this.#written = 0;
    this.#commits = 0;
    this.#countedFrom = this.#clock.now;
  }

  get bytesPerSecond(): number {
    return (this.#written / this.#elapsed) * 1_000;
  }

  /** Share of what the disk can write, 0 to 1. */
  get utilisation(): number {
    return this.#written / this.#elapsed / this.#bytesPerMs;
  }

  get commitsPerSecond(): number {
    return (this.#commits / this.#elapsed) * 1_000;
  }

  get #elapsed(): number {
    return Math.max(1, this.#clock.now - this.#countedFrom);
  }
}
