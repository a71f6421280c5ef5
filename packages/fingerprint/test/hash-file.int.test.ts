import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  closeSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesOf } from "../src/byte-string.ts";
import { hashFile, hashFileInSteps } from "../src/hash-file.ts";
import { folder } from "./folder.ts";

const sha256 = (content: string | Buffer): string => createHash("sha256").update(content).digest("hex");
const megabyte = 1 << 20;

/** Hashes a file while `meddle` is called between the chunks, with the number of the reading. */
function hashMeanwhile(path: string, meddle: (step: number) => void): string {
  const steps = hashFileInSteps(bytesOf(path), undefined);
  for (let count = 0; ; count++) {
    const step = steps.next();
    if (step.done) return step.value.sha256;
    meddle(count);
  }
}

test("a file of any size has the hash of its bytes", () => {
  using files = folder();
  for (const size of [0, 1, 262_143, 262_144, 262_145, 3 * megabyte + 1]) {
    const content = Buffer.alloc(size, "content");
    const { sha256: hash, marks } = hashFile(bytesOf(files.write("f", content)));
    expect([hash, marks.size]).toEqual([sha256(content), size]);
  }
});

test("a file that grows as it is read is read again, and has the hash of what it became", () => {
  using files = folder();
  const path = files.write("log", Buffer.alloc(megabyte));
  const hash = hashMeanwhile(path, (step) => {
    if (step === 2) appendFileSync(path, "more");
  });
  expect(hash).toBe(sha256(readFileSync(path)));
});

test("a file that is written as it is read, at the same length, is read again", () => {
  using files = folder();
  const path = files.write("f", Buffer.alloc(megabyte));
  // As old files are: a write within the tick of the last one would leave no trace.
  utimesSync(path, 1, 1);
  const file = openSync(path, "r+");
  const hash = hashMeanwhile(path, (step) => {
    if (step === 2) writeSync(file, "changed", 0);
  });
  closeSync(file);
  expect(hash).toBe(sha256(readFileSync(path)));
});

test("a file that never settles is an error, and is closed", () => {
  using files = folder();
  const path = files.write("log", Buffer.alloc(megabyte));
  const open = (): number => readdirSync("/proc/self/fd").length;
  const before = open();
  expect(() => hashMeanwhile(path, () => appendFileSync(path, "more"))).toThrow(
    expect.objectContaining({ code: "FILE_UNSETTLED", hint: expect.any(String) as string }),
  );
  expect(open()).toBe(before);
});

test("a file that is replaced as it is read is one file or the other, never a mix", () => {
  using files = folder({ next: Buffer.alloc(2 * megabyte, "b") });
  const path = files.write("f", Buffer.alloc(2 * megabyte, "a"));
  const hash = hashMeanwhile(path, (step) => {
    if (step === 1) renameSync(join(files.path, "next"), path);
  });
  expect([sha256(Buffer.alloc(2 * megabyte, "a")), sha256(Buffer.alloc(2 * megabyte, "b"))]).toContain(hash);
});

test("a file that is gone, and one that became a pipe or a folder, are errors and never waited for", () => {
  using files = folder({ "d/x": "" });
  execFileSync("mkfifo", [join(files.path, "pipe")]);
  const hash = (name: string) => () => hashFile(bytesOf(join(files.path, name)));
  expect(hash("gone")).toThrow(expect.objectContaining({ code: "FILE_UNSETTLED" }));
  expect(hash("pipe")).toThrow(expect.objectContaining({ code: "FILE_SPECIAL" }));
  expect(hash("d")).toThrow(expect.objectContaining({ code: "FILE_SPECIAL" }));
});

test("a huge file costs no memory", () => {
  using files = folder();
  const file = openSync(files.write("huge", ""), "r+");
  ftruncateSync(file, 1 << 30);
  closeSync(file);
  const before = process.memoryUsage();
  const { marks } = hashFile(bytesOf(join(files.path, "huge")));
  const after = process.memoryUsage();
  expect(marks.size).toBe(1 << 30);
  expect(after.external + after.heapUsed - before.external - before.heapUsed).toBeLessThan(16 * megabyte);
});

test("with `eol` text has the hash of its LF form, wherever a chunk ends", () => {
  using files = folder();
  const piece = fc.constantFrom("\r\n", "\n", "\r", "a", "é", "a".repeat(262_140));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join("");
      const hashed = hashFile(bytesOf(files.write("f", text)), "lf");
      expect(hashed.sha256).toBe(sha256(text.replaceAll("\r\n", "\n")));
      expect(hashed.marks.size).toBe(Buffer.byteLength(text));
    }),
    { numRuns: 60, examples: [[["a".repeat(262_143), "\r\n", "b"]], [["a".repeat(262_143), "\r", "b"]]] },
  );
});

test("with `eol` a file with a NUL near its start is binary, and keeps its bytes", () => {
  using files = folder();
  const binary = `${"x\r\n".repeat(100)}\0`;
  expect(hashFile(bytesOf(files.write("f", binary)), "lf").sha256).toBe(sha256(binary));
  const large = binary + "\r\n".repeat(megabyte);
  expect(hashFile(bytesOf(files.write("f", large)), "lf").sha256).toBe(sha256(large));
});
