import { GitError, throwIfAborted } from "./git-error.ts";
import type { GitLimits } from "./git-limits.ts";
import type { ObjectInfo, ObjectReader } from "./object-reader.ts";

/** A blob's bytes as they were committed, or why they were not read. */
export type BlobRead =
  | { readonly oid: string; readonly bytes: Buffer }
  | { readonly oid: string; readonly problem: "too-large"; readonly size: number }
  | { readonly oid: string; readonly problem: "missing" };

/** Blobs whose sizes are asked for at once. */
const mostSizes = 512;
/** Bytes that are read at once, unless a single blob has more. */
const roundBytes = 4 * 2 ** 20;

export interface ReadBlobsOptions {
  readonly limits: GitLimits;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads blobs in the order asked. At most two rounds are in memory, the one being given out and the one after it.
 *
 * @throws GitError `TooLarge` before the blob that would make the sum too large is read
 */
export async function* readBlobs(
  reader: ObjectReader,
  oids: readonly string[],
  options: ReadBlobsOptions,
): AsyncGenerator<BlobRead, void> {
  for await (const round of readAhead(rounds(reader, oids, options))) {
    for (const blob of round) {
      throwIfAborted(options.signal);
      yield blob;
    }
  }
}

async function* rounds(
  reader: ObjectReader,
  oids: readonly string[],
  { limits, signal }: ReadBlobsOptions,
): AsyncGenerator<BlobRead[], void> {
  let total = 0;
  for (let start = 0; start < oids.length; start += mostSizes) {
    const some = oids.slice(start, start + mostSizes);
    const infos = await reader.info(some, signal);
    const plans = some.map((oid, index) => plan(oid, infos[index], limits));
    for (const round of byBytes(plans)) {
      total += round.reduce((sum, { bytes }) => sum + bytes, 0);
      if (total > limits.maxTotalBytes) throw tooMuch(limits);
      const wanted = round.filter(({ answer }) => answer === undefined).map(({ oid }) => oid);
      const contents = (await reader.contents(wanted, signal)).values();
      yield round.map(({ oid, answer }) => answer ?? found(oid, contents.next().value));
    }
  }
}

/** What is to be done about one blob: `answer` is set when there is nothing to read. */
interface Plan {
  readonly oid: string;
  readonly bytes: number;
  readonly answer?: BlobRead;
}

function plan(oid: string, info: ObjectInfo | undefined, { maxFileBytes }: GitLimits): Plan {
  if (info?.type !== "blob") return { oid, bytes: 0, answer: { oid, problem: "missing" } };
  const { size } = info;
  if (size > maxFileBytes) return { oid, bytes: 0, answer: { oid, problem: "too-large", size } };
  return { oid, bytes: size };
}

function* byBytes(plans: readonly Plan[]): Generator<Plan[], void> {
  let round: Plan[] = [];
  let sum = 0;
  for (const next of plans) {
    if (round.length > 0 && sum + next.bytes > roundBytes) {
      yield round;
      round = [];
      sum = 0;
    }
    round.push(next);
    sum += next.bytes;
  }
  if (round.length > 0) yield round;
}

function found(oid: string, bytes: Buffer | undefined): BlobRead {
  return bytes === undefined ? { oid, problem: "missing" } : { oid, bytes };
}

function tooMuch({ maxTotalBytes }: GitLimits): GitError {
  return new GitError(
    "TooLarge",
    `The files that are wanted have more than ${maxTotalBytes} bytes together.`,
    {
      hint: "Select fewer files, or raise `limits.maxTotalBytes`.",
    },
  );
}

/** Asks for the next value while the present one is being used. */
async function* readAhead<T>(source: AsyncGenerator<T, void>): AsyncGenerator<T, void> {
  let next = source.next();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done) return;
      next = source.next();
      // It is awaited in the next turn, or never when the reader leaves: neither is unhandled.
      next.catch(() => undefined);
      yield value;
    }
  } finally {
    await next.catch(() => undefined);
    await source.return();
  }
}
