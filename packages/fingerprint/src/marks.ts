/**
 * What tells one state of a file from another. Numbers keep a time of the present to a quarter of a
 * microsecond, which is finer than any clock that stamps files; `bigint` would cost every file a tenth more.
 */
export interface Marks {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** Numbers that the marks of one file take in an array. */
export const marksLength = 5;

export function writeMarks(to: Float64Array, at: number, { dev, ino, size, mtimeMs, ctimeMs }: Marks): void {
  to[at] = dev;
  to[at + 1] = ino;
  to[at + 2] = size;
  to[at + 3] = mtimeMs;
  to[at + 4] = ctimeMs;
}

export function readMarks(from: Float64Array, at: number): Marks {
  const [dev = 0, ino = 0, size = 0, mtimeMs = 0, ctimeMs = 0] = from.subarray(at, at + marksLength);
  return { dev, ino, size, mtimeMs, ctimeMs };
}

export function hasMarks(inArray: Float64Array, at: number, marks: Marks): boolean {
  return (
    inArray[at] === marks.dev &&
    inArray[at + 1] === marks.ino &&
    inArray[at + 2] === marks.size &&
    inArray[at + 3] === marks.mtimeMs &&
    inArray[at + 4] === marks.ctimeMs
  );
}
