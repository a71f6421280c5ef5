import type { DocumentLimits } from "./document-limits.ts";
import { lineIndex } from "./line-index.ts";
import type { Problem } from "./problem.ts";
import { storableMessage } from "./storable.ts";

/** Collects what is to be said about one text. Offsets are UTF-16 units from the start of the text. */
export interface Findings {
  readonly limits: DocumentLimits;
  /** True once any error was reported. */
  readonly failed: boolean;
  error(code: string, offset: number, message: string): void;
  warn(code: string, offset: number, message: string): void;
  /** Reports an error after which reading on would cost too much or mean nothing. */
  stop(code: string, offset: number, message: string): never;
  /** In the order of the file, at most `limits.maxProblems`. */
  problems(): Problem[];
}

/** Thrown by `stop` and caught where the file began to be read. */
export class ReadingStopped extends Error {}

export function collectFindings(text: string, limits: DocumentLimits): Findings {
  const place = lineIndex(text);
  const found: { offset: number; problem: Problem }[] = [];
  let failed = false;

  function add(severity: Problem["severity"], code: string, offset: number, message: string): void {
    failed ||= severity === "error";
    const inside = Math.min(Math.max(offset, 0), text.length);
    const problem = { ...place(inside), code, message: storableMessage(message), severity };
    found.push({ offset: inside, problem });
  }

  return {
    limits,
    get failed() {
      return failed;
    },
    error: (code, offset, message) => add("error", code, offset, message),
    warn: (code, offset, message) => add("warning", code, offset, message),
    stop(code, offset, message) {
      add("error", code, offset, message);
      throw new ReadingStopped(code);
    },
    problems: () =>
      capped(
        found.sort((a, b) => a.offset - b.offset).map((each) => each.problem),
        limits.maxProblems,
      ),
  };
}

/** Keeps the first `limit` problems and says of the others only how many they are and how bad. */
function capped(problems: Problem[], limit: number): Problem[] {
  if (problems.length <= limit) {
    return problems;
  }
  const left = problems.slice(limit);
  return [
    ...problems.slice(0, limit),
    {
      line: null,
      column: null,
      code: "more-problems",
      message: `${left.length} more problems are not listed`,
      severity: left.some(({ severity }) => severity === "error") ? "error" : "warning",
    },
  ];
}
