import type { Readable } from "node:stream";

/**
 * Reads lines and counted bytes from a stream, and no more of it than it is asked for. What is here already is given
 * at once, without a promise: a chunk holds hundreds of small objects.
 */
export class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** Up to the next newline, without it. @throws Error when the stream ends */
  line(): string | Promise<string> {
    const end = this.#rest.indexOf(10);
    return end < 0 ? this.#lineLater() : this.#takeLine(end);
  }

  /** Exactly so many bytes, in memory of their own. @throws Error when the stream ends before */
  bytes(length: number): Buffer | Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(length);
    const filled = this.#fill(bytes, 0);
    return filled === length ? bytes : this.#bytesLater(bytes, filled);
  }

  async #lineLater(): Promise<string> {
    for (;;) {
      const searched = this.#rest.length;
      this.#rest = Buffer.concat([this.#rest, await this.#next()]);
      const end = this.#rest.indexOf(10, searched);
      if (end >= 0) return this.#takeLine(end);
    }
  }

  async #bytesLater(bytes: Buffer, present: number): Promise<Buffer> {
    for (let filled = present; filled < bytes.length;) {
      this.#rest = await this.#next();
      filled = this.#fill(bytes, filled);
    }
    return bytes;
  }

  #takeLine(end: number): string {
    const line = this.#rest.toString("utf8", 0, end);
    this.#rest = this.#rest.subarray(end + 1);
    return line;
  }

  #fill(bytes: Buffer, filled: number): number {
    const copied = this.#rest.copy(bytes, filled, 0, bytes.length - filled);
    this.#rest = this.#rest.subarray(copied);
    return filled + copied;
  }

  async #next(): Promise<Buffer> {
    const next = await this.#chunks.next();
    if (next.done) throw new Error("The stream ended.");
    return next.value;
  }
}
