import { isUtf8 } from "node:buffer";
import type { DocumentLimits } from "./document-limits.ts";
import type { Problem } from "./problem.ts";

export type Decoded = { text: string } | { problem: Problem };

const lfsPointer = /^version https:\/\/(?:git-lfs\.github\.com|hawser\.github\.com)\/spec\/v1\n/;

/** Bytes to text, strictly. A byte order mark is dropped, so that offsets are what an editor shows. */
export function decodeText(bytes: Uint8Array, limits: DocumentLimits): Decoded {
  if (bytes.length > limits.maxBytes) {
    return ofFile("too-large", `the file has ${bytes.length} bytes and at most ${limits.maxBytes} are read`);
  }
  if (!isUtf8(bytes)) {
    return { problem: invalidUtf8(bytes) };
  }
  const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  if (text.trim() === "") {
    return ofFile("empty-file", "the file is empty");
  }
  if (lfsPointer.test(text)) {
    return ofFile(
      "lfs-pointer",
      "this is a pointer of Git LFS, not the file: content is read from git alone. Take the file out of LFS " +
        "(`git lfs untrack`, then `git add --renormalize`)",
    );
  }
  return { text };
}

function ofFile(code: string, message: string): Decoded {
  return { problem: { line: null, column: null, code, message, severity: "error" } };
}

function invalidUtf8(bytes: Uint8Array): Problem {
  const { line, column } = firstInvalid(bytes);
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  return {
    line,
    column,
    code: "invalid-utf8",
    message: utf16
      ? "the file is UTF-16: save it as UTF-8"
      : "this byte is not UTF-8: save the file as UTF-8",
    severity: "error",
  };
}

/** No byte of a longer UTF-8 sequence is CR or LF, so each line is valid or not on its own. */
function firstInvalid(bytes: Uint8Array): { line: number; column: number } {
  let start = 0;
  for (let line = 1; ; line++) {
    const end = lineEnd(bytes, start);
    const content = Buffer.from(bytes.subarray(start, end));
    if (!isUtf8(content)) {
      return { line, column: firstInvalidColumn(line === 1 ? withoutMark(content) : content) };
    }
    start = bytes[end] === 0x0d && bytes[end + 1] === 0x0a ? end + 2 : end + 1;
  }
}

function lineEnd(bytes: Uint8Array, start: number): number {
  let end = start;
  while (end < bytes.length && bytes[end] !== 0x0a && bytes[end] !== 0x0d) {
    end++;
  }
  return end;
}

function withoutMark(line: Buffer): Buffer {
  return line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf ? line.subarray(3) : line;
}

/** Decoding replaces what is invalid, so the encoded text differs from the bytes first inside that sequence. */
function firstInvalidColumn(line: Buffer): number {
  const encoded = Buffer.from(line.toString("utf8"));
  let same = 0;
  while (line[same] === encoded[same]) {
    same++;
  }
  const before = line.subarray(0, same);
  return before.toString("utf8").length + (isUtf8(before) ? 1 : 0);
}
