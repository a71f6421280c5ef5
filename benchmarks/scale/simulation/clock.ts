/** What a process of the simulation yields: it is resumed when the function calls back. */
export type Wait = (resume: () => void) => void;
export type Process = Generator<Wait, void, void>;

interface Happening {
  readonly at: number;
  /** Of two at the same time, the one that was planned first comes first: so every run is alike. */
  readonly order: number;
  readonly happen: () => void;
}

/** Simulated time in milliseconds: happenings in their order, each of which may plan further ones. */
export class Clock {
  now = 0;
  #planned = 0;
  readonly #heap: Happening[] = [];

  after(ms: number, happen: () => void): void {
    this.#push({ at: this.now + ms, order: this.#planned, happen });
    this.#planned += 1;
  }

  /** Lets a process wait. */
  *pass(ms: number): Process {
    yield (resume) => this.after(ms, resume);
  }

  start(process: Process): void {
    const step = (): void => {
      const { done, value } = process.next();
      if (done !== true) value(step);
    };
    step();
  }

  run(until: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= until; next = this.#heap[0]) {
      this.#pop();
      this.now = next.at;
      next.happen();
    }
    this.now = until;
  }

  #push(happening: Happening): void {
    const heap = this.#heap;
    let place = heap.length;
    for (; place > 0;) {
      const parent = (place - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || sooner(above, happening)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = happening;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      let below = heap[child];
      const right = heap[child + 1];
      if (below !== undefined && right !== undefined && sooner(right, below)) {
        child += 1;
        below = right;
      }
      if (below === undefined || sooner(last, below)) break;
      heap[place] = below;
      place = child;
    }
    heap[place] = last;
  }
}

function sooner(a: Happening, b: Happening): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
