import { advisoryKey } from "../advisory-key.ts";
import { pause } from "../pause.ts";
import type { SnapshotStore } from "../snapshot/snapshot-store.ts";
import { describeHolder } from "./lock-holder.ts";
import type { Preparation } from "./preparation.ts";

/** Milliseconds between two looks while another process saves. */
const pollMs = 150;

/**
 * Runs `work` while no other process of the server saves this target into these stores. Other checkouts have
 * stores of their own, and are not waited for.
 */
export async function takeTurnToSave<T>(
  { target, owner, signal, onProgress }: Preparation,
  stores: readonly SnapshotStore[],
  work: () => Promise<T>,
): Promise<T> {
  const places = stores.map(({ id, name }) => id ?? name);
  const key = advisoryKey("store", JSON.stringify([target.name, ...places]));
  for (;;) {
    signal.throwIfAborted();
    const [row] = await owner.query<{ mine: boolean }>(
      "taking the turn to save",
      "select pg_try_advisory_lock($1::bigint) as mine",
      [key],
    );
    if (row?.mine) break;
    onProgress({ phase: "wait", detail: `${await describeHolder(owner, key)}, which saves` });
    await pause(pollMs, signal);
  }
  try {
    return await work();
  } finally {
    await owner
      .query("ending the turn to save", "select pg_advisory_unlock($1::bigint)", [key])
      .catch(() => undefined);
  }
}
