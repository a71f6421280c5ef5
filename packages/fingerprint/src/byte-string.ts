import { isUtf8 } from "node:buffer";

/**
 * Bytes, one to a character (what Node calls latin1). A path on disk is bytes, not text: this form keeps names
 * that are no UTF-8 whole, and it compares and sorts as the bytes do.
 */
export type ByteString = string;

const beyondAscii = /[\u0080-\uffff]/;

/** Whether a text and its bytes are the same string. */
export function isAscii(text: string): boolean {
  return !beyondAscii.test(text);
}

/**
 * A text as bytes. A byte that is no UTF-8 stands in a text as one of the lone surrogates U+DC80 to U+DCFF, as
 * in Python's `surrogateescape` (https://peps.python.org/pep-0383/), and becomes that byte again.
 */
export function bytesOf(text: string): ByteString {
  return isAscii(text) ? text : encodeText(text).toString("latin1");
}

/** The inverse of {@link bytesOf}. */
export function textOf(bytes: ByteString): string {
  return isAscii(bytes) ? bytes : decodeText(Buffer.from(bytes, "latin1"));
}

/** A path in the form that the functions of `node:fs` take without loss. */
export function systemPath(bytes: ByteString): string | Buffer {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, "latin1");
}

/** With the flag `u` a surrogate that is half of a pair does not match. */
const escapedByte = /([\udc80-\udcff])/u;

export function encodeText(text: string): Buffer {
  if (isAscii(text)) return Buffer.from(text, "latin1");
  const parts = text.split(escapedByte);
  return Buffer.concat(
    parts.map((part, index) =>
      index % 2 === 1 ? Buffer.of(part.charCodeAt(0) - 0xdc00) : Buffer.from(part, "utf8"),
    ),
  );
}

export function decodeText(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  const parts: string[] = [];
  let valid = 0;
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    parts.push(bytes.toString("utf8", valid, at), String.fromCharCode(0xdc00 + bytes.readUInt8(at)));
    at += 1;
    valid = at;
  }
  parts.push(bytes.toString("utf8", valid));
  return parts.join("");
}

/** Bytes of the UTF-8 sequence that starts at `at`; 0 when none does. */
function sequenceLength(bytes: Buffer, at: number): number {
  const lead = bytes.readUInt8(at);
  if (lead < 0x80) return 1;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}
