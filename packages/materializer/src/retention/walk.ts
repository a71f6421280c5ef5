/** How far a walk over a table has come. The next call of this process goes on there. */
export interface Place {
  /** The last row that was looked at, by its id. */
  after: string;
}

/** What one statement looked at. */
export interface Looked {
  /** Of the last row; null when there was none. */
  readonly last: string | null;
  readonly rows: number;
}

/** Rows that one statement looks at: few enough for it to be over in some milliseconds. */
const BATCH = 1_000;

/** Rows that one walk looks at, so that a call costs the same however many there are. */
const MOST = 20_000;

/** Goes on from a place by the index of ids, begins again after the last one, and ends at the latest where it began. */
export async function walk(
  place: Place,
  look: (after: string, batch: number) => Promise<Looked>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const start = BigInt(place.after);
  let again = false;
  for (let left = MOST; left > 0;) {
    signal?.throwIfAborted();
    const batch = Math.min(BATCH, left);
    const { last, rows } = await look(place.after, batch);
    left -= rows;
    if (rows === batch && last !== null) place.after = last;
    else if (again) return;
    else {
      place.after = "0";
      again = true;
    }
    if (again && BigInt(place.after) >= start) return;
  }
}
