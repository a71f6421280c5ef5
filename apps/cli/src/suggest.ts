/** The known word that was probably meant; `undefined` when none is near. */
export function closest(given: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((word) => ({ word, distance: editDistance(given.toLowerCase(), word.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const near = best !== undefined && best.distance <= Math.max(1, Math.floor(given.length * 0.4));
  return near ? best.word : undefined;
}

/** `(did you mean "x"?)`, or nothing. */
export function didYouMean(given: string, known: readonly string[]): string {
  const word = closest(given, known);
  return word === undefined ? "" : ` (did you mean "${word}"?)`;
}

/** Letters to insert, delete, replace or swap: https://en.wikipedia.org/wiki/Damerau–Levenshtein_distance */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const shifted = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
      const swaps = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next[j] = Math.min(replaced, shifted, swaps ? (before[j - 2] ?? 0) + 1 : Infinity);
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
