import { MaterializerError } from "@headstart/materializer";

/**
 * Whether a hint or the statement itself was refused, and would be again. Lost connections have no SQLSTATE or one of
 * these classes (https://www.postgresql.org/docs/current/errcodes-appendix.html), and say nothing about a delivery. A
 * SQLSTATE has a digit; a code of the operating system, `EPIPE`, may be as long.
 */
export function isAboutData(error: unknown): boolean {
  if (error instanceof MaterializerError) return true;
  const code = (error as { code?: unknown }).code;
  if (typeof code !== "string" || !/^(?=.*\d)[0-9A-Z]{5}$/.test(code)) return false;
  return !/^(08|25|40|53|55|57|58|XX)/.test(code);
}
