import { performance } from "node:perf_hooks";
import type { Progress } from "@headstart/pg-snapshot";
import { formatBytes, formatDuration, printable } from "./format.ts";

/** Shows what goes on, on standard error; nothing of it ever reaches standard output. */
export interface ProgressLine extends Disposable {
  show(subject: string, progress: Progress): void;
}

export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

const phaseWords: Readonly<Record<Progress["phase"], string>> = {
  fingerprint: "reading the inputs",
  wait: "waiting",
  sweep: "sweeping",
  check: "checking",
  restore: "restoring",
  build: "building",
  analyze: "analysing",
  seal: "sealing",
  clone: "cloning",
  strip: "stripping",
  dump: "dumping",
  compare: "comparing",
  start: "starting",
};

const redrawMs = 100;

/** One line that is rewritten on a terminal; a line for each phase where there is none. */
export function progressLine(stream: ProgressStream): ProgressLine {
  const started = performance.now();
  return stream.isTTY ? rewritten(stream, started) : appended(stream, started);
}

function rewritten(stream: ProgressStream, started: number): ProgressLine {
  let current: { subject: string; progress: Progress } | undefined;
  const draw = (): void => {
    if (!current) return;
    const line = describe(current.subject, current.progress, performance.now() - started);
    stream.write(`\r\u001b[2K${line.slice(0, (stream.columns ?? 80) - 1)}`);
  };
  const timer = setInterval(draw, redrawMs);
  timer.unref();
  return {
    show: (subject, progress) => {
      const first = current === undefined;
      current = { subject, progress };
      if (first) draw();
    },
    [Symbol.dispose]: () => {
      clearInterval(timer);
      if (current) stream.write("\r\u001b[2K");
    },
  };
}

function appended(stream: ProgressStream, started: number): ProgressLine {
  let last = "";
  return {
    show: (subject, progress) => {
      const key = `${subject} ${progress.phase}`;
      if (key === last) return;
      last = key;
      stream.write(`${describe(subject, progress, performance.now() - started)}\n`);
    },
    [Symbol.dispose]: () => undefined,
  };
}

function describe(
  subject: string,
  { phase, detail, done, total, unit }: Progress,
  elapsedMs: number,
): string {
  const amount =
    done === undefined
      ? ""
      : unit === "bytes"
        ? formatBytes(done)
        : total === undefined
          ? String(done)
          : `${done}/${total}`;
  const parts = [
    formatDuration(elapsedMs),
    subject,
    phaseWords[phase],
    amount,
    detail ? printable(detail) : "",
  ];
  return parts.filter((part) => part !== "").join("  ");
}
