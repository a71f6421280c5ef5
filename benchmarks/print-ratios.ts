/** Times of one contender, in milliseconds, one for each round. */
export interface Measured {
  readonly name: string;
  readonly ms: readonly number[];
}

/** The middle value: unlike the mean it does not move with one slow round. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/**
 * Prints each contender's median and what it is of the first one's. Rounds were taken in turn, so that a slow
 * moment of the machine met them all.
 */
export function printRatios(title: string, ours: Measured, peers: readonly Measured[]): void {
  console.log(`\n### ${title}\n`);
  console.log("| | median | range | ours is |");
  console.log("|---|--:|--:|--:|");
  for (const { name, ms } of [ours, ...peers]) {
    const range = `${Math.min(...ms).toFixed(0)}–${Math.max(...ms).toFixed(0)} ms`;
    const ratio = name === ours.name ? "" : `${short(median(ours.ms) / median(ms))} of it`;
    console.log(`| ${name} | ${median(ms).toFixed(0)} ms | ${range} | ${ratio} |`);
  }
}

function short(ratio: number): string {
  return ratio < 0.1 ? ratio.toPrecision(2) : ratio.toFixed(2);
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
