/** `1 error`, `2 errors`, and with a plural of its own `2 branches`. */
export function countNoun(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}
