import type { Readable } from "node:stream";

/** Reads lines and counted bytes from a stream, and no more of it than it is asked for. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** Up to the next newline, without it. @throws Error when the stream ends */
  async line(): Promise<string> {
    let searched = 0;
    for (;;) {
      const end = this.#rest.indexOf(10, searched);
      if (end >= 0) {
        const line = this.#rest.toString("utf8", 0, end);
        this.#rest = this.#rest.subarray(end + 1);
        return line;
      }
      searched = this.#rest.length;
      this.#rest = Buffer.concat([this.#rest, await this.#next()]);
    }
  }

  /** Exactly so many bytes, in memory of their own. @throws Error when the stream ends before */
  async bytes(length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    for (;;) {
      const part = this.#rest.subarray(0, length - filled);
      part.copy(bytes, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
      if (filled === length) return bytes;
      this.#rest = await this.#next();
    }
  }

  async #next(): Promise<Buffer> {
    const next = await this.#chunks.next();
    if (next.done) throw new Error("The stream ended.");
    return next.value;
  }
}
