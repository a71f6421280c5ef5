/** The story starts here; seconds of it are counted from this moment, and nobody asks what time it is. */
const storyStart = Date.UTC(2024, 0, 1) / 1000;

export const secondsPerDay = 86_400;

/** The moment `seconds` after the start, as GitHub writes it. */
export function momentAt(seconds: number): string {
  return new Date((storyStart + seconds) * 1000).toISOString().replace(".000Z", "Z");
}

/** Whether that day of the story, counted from 0, is a Saturday or a Sunday. */
export function isWeekend(day: number): boolean {
  // 1 January 2024 was a Monday.
  return day % 7 >= 5;
}
