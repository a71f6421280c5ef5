/** Numbers that depend on the seed and on nothing else: not on the platform, not on the clock. */
export interface Random {
  /** A whole number from 0 up to, but without, `below`. */
  int(below: number): number;
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
  /** True in `percent` of 100 cases. */
  chance(percent: number): boolean;
  pick<T>(items: readonly T[]): T;
}

/**
 * Marsaglia's xorshift with 128 bits of state, seeded by the FNV-1a hash of a text. Only whole numbers of 32 bits
 * take part, so every engine computes the same.
 */
export function createRandom(seed: string): Random {
  let [x, y, z, w] = [hash(`${seed}/x`), hash(`${seed}/y`), hash(`${seed}/z`), hash(`${seed}/w`) | 1];
  const next = (): number => {
    const t = x ^ (x << 11);
    [x, y, z] = [y, z, w];
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
    return w >>> 0;
  };
  const int = (below: number): number => next() % below;
  return {
    int,
    between: (low, high) => low + int(high - low + 1),
    chance: (percent) => int(100) < percent,
    pick: <T>(items: readonly T[]): T => {
      if (items.length === 0) throw new RangeError("nothing to pick from");
      return items[int(items.length)] as T;
    },
  };
}

function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value | 0;
}
