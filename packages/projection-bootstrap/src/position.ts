import { ProjectionError } from "./errors.ts";

/**
 * A place in the log's order. Events are ordered by era, then by the transaction that wrote them, then by their
 * number; a log with a serial order of its own leaves the first two at zero.
 */
export interface Position {
  /** Which server's transaction numbers count: one more each time that the database moved to another one. */
  readonly era: number;
  /** The writing transaction, a 64-bit `xid8`. */
  readonly xid: bigint;
  /** The event's own number. */
  readonly number: bigint;
}

/** Before the first event. */
export const beginning: Position = { era: 0, xid: 0n, number: 0n };

/** Negative when `a` comes before `b`, zero when they are the same place. */
export function comparePositions(a: Position, b: Position): number {
  if (a.era !== b.era) return a.era - b.era;
  if (a.xid !== b.xid) return a.xid < b.xid ? -1 : 1;
  if (a.number !== b.number) return a.number < b.number ? -1 : 1;
  return 0;
}

export function laterPosition(a: Position, b: Position): Position {
  return comparePositions(a, b) < 0 ? b : a;
}

export function earlierPosition(a: Position, b: Position): Position {
  return comparePositions(a, b) < 0 ? a : b;
}

/** For logs, reports and command lines: `era:xid:number`. */
export function formatPosition({ era, xid, number }: Position): string {
  return `${era}:${xid}:${number}`;
}

export function parsePosition(text: string): Position {
  const [, era, xid, number] = /^(\d{1,9}):(\d{1,20}):(\d{1,19})$/.exec(text) ?? [];
  if (era === undefined || xid === undefined || number === undefined) {
    throw new ProjectionError("OPTION_INVALID", `${JSON.stringify(text)} is no position`, {
      hint: "write it as era:xid:number, the way that reports show positions",
    });
  }
  return { era: Number(era), xid: BigInt(xid), number: BigInt(number) };
}
