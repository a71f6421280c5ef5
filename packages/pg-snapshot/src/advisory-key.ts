import { createHash } from "node:crypto";

/**
 * The 64-bit key of a Postgres advisory lock for `id`, as the decimal text of a signed bigint. Advisory locks
 * live in one database, so every process takes them in the same maintenance database.
 */
export function advisoryKey(kind: "owner" | "template" | "store", id: string): string {
  return createHash("sha256").update(`headstart:${kind}:${id}`).digest().readBigInt64BE(0).toString();
}
