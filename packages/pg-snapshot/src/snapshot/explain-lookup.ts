import { PgSnapshotError } from "../errors.ts";
import type { SnapshotLookup } from "./snapshot-store.ts";

/** Why a store cannot serve, as the error to throw. */
export function explainLookup(lookup: Exclude<SnapshotLookup, { status: "found" }>): PgSnapshotError {
  const { reason } = lookup;
  switch (lookup.status) {
    case "missing":
      return new PgSnapshotError("SNAPSHOT_MISSING", reason, {
        hint: 'make one: prepare with save "always" (headstart prepare --update-snapshot)',
      });
    case "stale":
      return new PgSnapshotError("SNAPSHOT_STALE", reason, {
        hint: 'make it anew: prepare with save "always" (headstart prepare --update-snapshot)',
      });
    case "torn":
      return tornError(lookup);
    case "corrupt":
      return lookup.error;
  }
}

/** @param fetch the command that fetches the dump, where only that is missing */
export function tornError({
  reason,
  fetch,
}: {
  readonly reason: string;
  readonly fetch?: string | undefined;
}): PgSnapshotError {
  return new PgSnapshotError("SNAPSHOT_TORN", reason, {
    hint: fetch ?? "take manifest and dump from version control again, or save the snapshot anew",
  });
}
