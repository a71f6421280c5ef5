import type { Progress } from "@headstart/pg-snapshot";
import { formatBytes, formatDuration, printable } from "./format.ts";

/** Shows what goes on, on standard error; nothing of it ever reaches standard output. */
export interface ProgressLine {
  /** @param subject what is worked on: a target's name, or "server" */
  show(subject: string, progress: Progress): void;
  /** Ends the display, so that other text can be written. */
  clear(): void;
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

/** One line that is rewritten on a terminal; a line for each phase where there is none. */
export function progressLine(stream: ProgressStream): ProgressLine {
  return stream.isTTY ? rewrittenLine(stream) : appendedLines(stream);
}

interface Shown {
  readonly subject: string;
  readonly progress: Progress;
}

const redrawMs = 100;
const eraseLine = "\r\u001b[2K";

function rewrittenLine(stream: ProgressStream): ProgressLine {
  let current: Shown | undefined;
  let timer: NodeJS.Timeout | undefined;
  let startedAt: number | undefined;
  const draw = (): void => {
    if (!current) return;
    const line = describe(current, performance.now() - (startedAt ?? 0));
    // One short of the width: a full line makes some terminals scroll.
    stream.write(eraseLine + line.slice(0, (stream.columns || 80) - 1));
  };
  return {
    show: (subject, progress) => {
      current = { subject, progress };
      if (timer !== undefined) return;
      startedAt ??= performance.now();
      timer = setInterval(draw, redrawMs).unref();
      draw();
    },
    clear: () => {
      clearInterval(timer);
      timer = undefined;
      if (current) stream.write(eraseLine);
      current = undefined;
    },
  };
}

/** Phases that are over at once as a rule, and then are worth no line in a log. */
const usuallyInstant: ReadonlySet<Progress["phase"]> = new Set(["fingerprint", "sweep", "check"]);
const worthALineMs = 1_000;

function appendedLines(stream: ProgressStream): ProgressLine {
  let startedAt: number | undefined;
  let last = "";
  let timer: NodeJS.Timeout | undefined;
  return {
    show: (subject, progress) => {
      startedAt ??= performance.now();
      const key = `${subject}\n${progress.phase}`;
      if (key === last) return;
      last = key;
      clearTimeout(timer);
      const line = `${describe({ subject, progress }, performance.now() - startedAt)}\n`;
      if (usuallyInstant.has(progress.phase))
        timer = setTimeout(() => stream.write(line), worthALineMs).unref();
      else stream.write(line);
    },
    clear: () => {
      clearTimeout(timer);
      last = "";
    },
  };
}

function describe({ subject, progress }: Shown, elapsedMs: number): string {
  const { phase, detail } = progress;
  const parts = [
    formatDuration(elapsedMs),
    printable(subject, 40),
    phaseWords[phase],
    amount(progress),
    printable(detail ?? ""),
  ];
  return parts.filter((part) => part !== "").join("  ");
}

function amount({ done, total, unit }: Progress): string {
  if (done === undefined) return "";
  const [left, right] = [done, total].map((count) =>
    count === undefined ? undefined : unit === "bytes" ? formatBytes(count) : String(count),
  );
  const counted = right === undefined ? `${left}` : `${left}/${right}`;
  return unit === "bytes" || unit === undefined ? counted : `${counted} ${unit}`;
}
