import { expect, test, vi } from "vitest";
import { progressLine } from "../../src/output/progress-line.ts";

interface FakeStream {
  readonly isTTY: boolean;
  readonly columns: number;
  readonly written: string[];
  write(text: string): void;
}

function stream(isTTY: boolean): FakeStream {
  const written: string[] = [];
  return { isTTY, columns: 60, written, write: (text) => void written.push(text) };
}

test("on a terminal one line is rewritten, with phase, elapsed time and amounts", () => {
  vi.useFakeTimers();
  const terminal = stream(true);
  const line = progressLine(terminal);
  line.show("app", { phase: "restore", done: 12, total: 40, unit: "tables", detail: "events" });
  vi.advanceTimersByTime(1_500);
  line.show("app", { phase: "dump", done: 3_100_000, unit: "bytes" });
  vi.advanceTimersByTime(100);
  line.clear();
  const all = terminal.written;
  expect(all.every((text) => text.startsWith("\r\u001b[2K") && !text.includes("\n"))).toBe(true);
  expect(all[0]).toBe("\r\u001b[2K0 ms  app  restoring  12/40 tables  events");
  expect(all).toContain("\r\u001b[2K1.6 s  app  dumping  3.1 MB");
  expect(all.at(-1)).toBe("\r\u001b[2K");
  vi.useRealTimers();
});

test("the line is no longer than the terminal and holds no control characters of others", () => {
  const terminal = stream(true);
  const line = progressLine(terminal);
  line.show("app", { phase: "build", detail: `\u001b[2Jevil\r\n${"x".repeat(200)}` });
  line.clear();
  const [first = ""] = terminal.written;
  const text = first.slice("\r\u001b[2K".length);
  expect(text).toHaveLength(59);
  // eslint-disable-next-line no-control-regex -- Control characters are what must not be there.
  expect(text).not.toMatch(/[\u0000-\u001f]/);
});

test("elsewhere there is a line for each phase, however often it reports", () => {
  const log = stream(false);
  const line = progressLine(log);
  for (let done = 0; done < 100; done++) line.show("app", { phase: "build", detail: `row ${done}` });
  line.show("app", { phase: "analyze" });
  line.show("other", { phase: "analyze" });
  line.clear();
  expect(log.written).toEqual([
    expect.stringMatching(/^\d+ ms {2}app {2}building {2}row 0\n$/),
    expect.stringMatching(/ms {2}app {2}analysing\n$/),
    expect.stringMatching(/ms {2}other {2}analysing\n$/),
  ]);
});

test("elsewhere a phase that is usually over at once gets its line only when it is not", () => {
  vi.useFakeTimers();
  const log = stream(false);
  const line = progressLine(log);
  line.show("app", { phase: "fingerprint" });
  vi.advanceTimersByTime(900);
  line.show("app", { phase: "sweep" });
  expect(log.written).toEqual([]);
  vi.advanceTimersByTime(1_000);
  expect(log.written).toEqual(["900 ms  app  sweeping\n"]);
  line.clear();
  vi.useRealTimers();
});
