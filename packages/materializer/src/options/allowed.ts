import { z } from "zod";

/** The largest that Postgres counts to in four bytes, and that a timer of Node waits: more would be an error, or at once. */
const MOST = 2 ** 31 - 1;

/** Each message is what is allowed, for `checkOptions` to tell. */
export function wholeNumber(from: number, to = MOST): z.ZodType<number> {
  return z.custom<number>(
    (value) => Number.isSafeInteger(value) && (value as number) >= from && (value as number) <= to,
    `a whole number from ${from} to ${to}`,
  );
}

export const milliseconds = wholeNumber(1);

export function text(most = 1024): z.ZodType<string> {
  return z.custom<string>(
    (value) => typeof value === "string" && value.length > 0 && value.length <= most && !value.includes("\0"),
    `text of 1 to ${most} characters, without NUL`,
  );
}

export const callback = z.custom<(...args: never) => unknown>(
  (value) => typeof value === "function",
  "a function",
);

export const abortSignal = z.custom<AbortSignal>((value) => value instanceof AbortSignal, "an AbortSignal");

/** An object of these options and no others: one that is misspelt would otherwise be without effect. */
export function options<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape> {
  const names = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: ({ code, keys }) =>
      code === "unrecognized_keys"
        ? `only ${names}, and not ${(keys as string[]).map((key) => JSON.stringify(key)).join(", ")}`
        : `an object of ${names}`,
  });
}
