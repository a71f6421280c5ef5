import type { Clock, Process } from "./clock.ts";
import { Line } from "./line.ts";

/** Several servers of one kind with one line before them: processors, connections, slots of a worker. */
export class Station {
  readonly #clock: Clock;
  readonly #servers: number;
  readonly #line = new Line<() => void>();
  #busy = 0;
  #since = 0;
  #busyMs = 0;
  #countedFrom = 0;

  constructor(clock: Clock, servers: number) {
    this.#clock = clock;
    this.#servers = servers;
  }

  /** Waits for a server, then keeps it for `ms`. */
  *use(ms: number): Process {
    yield* this.acquire();
    yield* this.#clock.pass(ms);
    this.release();
  }

  *acquire(): Process {
    if (this.#busy < this.#servers) this.#account(1);
    else yield (resume) => this.#line.push(resume);
  }

  /** The server goes to whoever has waited longest. */
  release(): void {
    const next = this.#line.shift();
    if (next === undefined) this.#account(-1);
    else next();
  }

  /** Forgets what was counted so far. */
  reset(): void {
    this.#account(0);
    this.#busyMs = 0;
    this.#countedFrom = this.#clock.now;
  }

  /** Share of the servers' time that was used, 0 to 1. */
  get utilisation(): number {
    this.#account(0);
    return this.#busyMs / this.#servers / Math.max(1, this.#clock.now - this.#countedFrom);
  }

  /** How many wait now. */
  get waiting(): number {
    return this.#line.length;
  }

  #account(change: number): void {
    this.#busyMs += this.#busy * (this.#clock.now - this.#since);
    this.#since = this.#clock.now;
    this.#busy += change;
  }
}
