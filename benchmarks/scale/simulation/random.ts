/** Numbers in [0, 1), the same for the same seed: mulberry32, https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
export type Random = () => number;

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Time until the next of independent events, of which `mean` apart come on average. */
export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random());
}

/** Draws 0 to count - 1, where number k is drawn in proportion to 1 / (k + 1) ** skew: few are busy, most are calm. */
export function zipf(random: Random, count: number, skew: number): () => number {
  const cumulative = new Float64Array(count);
  let sum = 0;
  for (let k = 0; k < count; k += 1) {
    sum += 1 / (k + 1) ** skew;
    cumulative[k] = sum;
  }
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
