import { performance } from "node:perf_hooks";
import type { OnProgress } from "@headstart/pg-snapshot";

/** What is going on, with the time it has taken so far; on standard error, so that the table stands alone. */
export interface ProgressLine {
  readonly show: OnProgress;
  /** Names the work that follows, and starts its clock. */
  begin(work: string): void;
  clear(): void;
}

const redrawMs = 100;

/** Rewrites one line on a terminal; elsewhere writes a line whenever the phase changes. */
export function createProgressLine(stream: NodeJS.WriteStream): ProgressLine {
  let work = "";
  let doing = "";
  let phase = "";
  let started = performance.now();
  const line = (): string => {
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    return `${seconds.padStart(6)} s  ${work}  ${doing}`.slice(0, (stream.columns ?? 200) - 1);
  };
  const draw = (): unknown => stream.isTTY && work !== "" && stream.write(`\r\u001b[2K${line()}`);
  const timer = setInterval(draw, redrawMs).unref();
  return {
    begin: (next) => {
      [work, doing, phase, started] = [next, "", "", performance.now()];
    },
    show: ({ phase: now, detail = "", done, total, unit = "items" }) => {
      const amount = done === undefined ? "" : ` ${done}${total === undefined ? "" : `/${total}`} ${unit}`;
      doing = `${now}${amount}  ${detail}`.trimEnd();
      if (!stream.isTTY && now !== phase) stream.write(`${line()}\n`);
      phase = now;
      draw();
    },
    clear: () => {
      clearInterval(timer);
      if (stream.isTTY) stream.write("\r\u001b[2K");
    },
  };
}
