/** The latest few of what was made, by key; when there are more, the oldest goes. */
export class Recent<Key, Value> {
  readonly #most: number;
  readonly #kept = new Map<Key, Value>();

  constructor(most: number) {
    this.#most = most;
  }

  /** What is kept of a key, or else what `make` makes of it. */
  getOr(key: Key, make: () => Value): Value {
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    const value = make();
    this.#kept.set(key, value);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#most) break;
      this.#kept.delete(oldest);
    }
    return value;
  }

  clear(): void {
    this.#kept.clear();
  }
}
