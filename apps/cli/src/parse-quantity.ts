import { InvalidArgumentError } from "commander";

export function parseCount(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("expected a number, for example 5");
  return Number(text);
}

const sizeUnits: Readonly<Record<string, number>> = { "": 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** `500MB` as bytes; decimal units, as sizes are printed. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]b)?$/i.exec(text);
  if (!match) throw new InvalidArgumentError("expected a size, for example 500MB");
  return Math.round(Number(match[1]) * (sizeUnits[(match[2] ?? "").toUpperCase()] ?? 1));
}

const ageUnits: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** `14d` as milliseconds. */
export function parseAge(text: string): number {
  return milliseconds(text) ?? refuse("expected an age, for example 30m, 12h or 14d");
}

/** What a timer can wait for: https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
const longestTimerMs = 2 ** 31 - 1;

/** `10m` as milliseconds. */
export function parseTimeout(text: string): number {
  const ms = milliseconds(text) ?? refuse("expected a time, for example 30s or 10m");
  return ms <= longestTimerMs ? ms : refuse("expected at most 24d");
}

function milliseconds(text: string): number | undefined {
  const match = /^(\d+)([smhdw])$/.exec(text);
  return match === null ? undefined : Number(match[1]) * (ageUnits[match[2] ?? ""] ?? 1);
}

function refuse(message: string): never {
  throw new InvalidArgumentError(message);
}
