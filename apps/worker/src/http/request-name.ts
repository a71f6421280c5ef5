import { z } from "zod";

/** A name in a request, of a repository or a branch. Postgres stores no NUL, so nothing is called that. */
export const requestName = z
  .string()
  .min(1)
  .max(1024)
  .refine((name) => !name.includes("\0"), "expected no NUL");
