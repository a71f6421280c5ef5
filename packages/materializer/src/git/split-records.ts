import { GitError } from "./git-error.ts";
import type { Ended } from "./run-git.ts";

/** Bytes of the longest record that is taken: a name in a tree has no bound of its own. */
const longest = 2 ** 20;

/**
 * Splits a run's output at a byte. Records come in batches, since one step of an async loop for each would cost
 * more than reading it.
 *
 * @throws GitError what the run failed with, once all that it wrote was given; `TooLarge`
 */
export async function* splitRecords(
  run: AsyncGenerator<Buffer, Ended>,
  separator: number,
): AsyncGenerator<Buffer[], void> {
  let rest: Buffer = Buffer.alloc(0);
  try {
    for (;;) {
      const next = await run.next();
      if (next.done) {
        if (!next.value.ok) throw next.value.failure();
        break;
      }
      const bytes = rest.length === 0 ? next.value : Buffer.concat([rest, next.value]);
      const records: Buffer[] = [];
      let start = 0;
      for (let end = bytes.indexOf(separator); end >= 0; end = bytes.indexOf(separator, start)) {
        records.push(bytes.subarray(start, end));
        start = end + 1;
      }
      rest = bytes.subarray(start);
      if (rest.length > longest)
        throw new GitError("TooLarge", `A name in the repository is longer than ${longest} bytes.`);
      if (records.length > 0) yield records;
    }
    if (rest.length > 0) yield [rest];
  } finally {
    // Ends git when the reader left early.
    await run.return({
      ok: true,
      stderr: "",
      failure: () => new GitError("Aborted", "The reading was left early."),
    });
  }
}
