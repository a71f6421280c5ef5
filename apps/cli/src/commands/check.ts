import { isErrorCode } from "../exit-codes.ts";

/** One line of the doctor's report. */
export interface Check {
  readonly name: string;
  readonly verdict: "ok" | "warn" | "fail";
  readonly detail: string;
  readonly fix?: string | undefined;
  /** The error's code, where an error is the reason. */
  readonly code?: string | undefined;
}

/** A check that an error decides. Errors without a code are defects, which are no diagnosis. */
export function failed(name: string, error: unknown): Check {
  const { message, hint, code } = error as { message?: string; hint?: string; code?: unknown };
  if (!isErrorCode(code)) throw error;
  return { name, verdict: "fail", detail: message ?? "", fix: hint, code };
}
