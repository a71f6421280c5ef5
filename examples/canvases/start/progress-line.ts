import { performance } from "node:perf_hooks";
import type { Progress } from "@headstart/pg-snapshot";

/** Shows what goes on in one line of a terminal; where there is none, in a line for each phase. */
export function progressLine(
  stream: NodeJS.WriteStream,
): Disposable & { show: (progress: Progress) => void } {
  const started = performance.now();
  let current: Progress | undefined;
  let lastPhase = "";
  const describe = ({ phase, detail, done, total, unit }: Progress): string => {
    const elapsed = `${((performance.now() - started) / 1_000).toFixed(1)} s`;
    const amount =
      done === undefined
        ? ""
        : unit === "bytes"
          ? `${(done / 1e6).toFixed(1)} MB`
          : `${done}/${total ?? "?"}`;
    return [elapsed.padStart(7), phase, amount, detail ?? ""].filter((part) => part !== "").join("  ");
  };
  const draw = (): void => {
    if (current) stream.write(`\r\u001b[2K${describe(current).slice(0, (stream.columns ?? 80) - 1)}`);
  };
  const timer = stream.isTTY ? setInterval(draw, 100) : undefined;
  return {
    show: (progress) => {
      current = progress;
      if (stream.isTTY || progress.phase === lastPhase) return;
      lastPhase = progress.phase;
      stream.write(`${describe(progress)}\n`);
    },
    [Symbol.dispose]: () => {
      clearInterval(timer);
      if (stream.isTTY) stream.write("\r\u001b[2K");
    },
  };
}
