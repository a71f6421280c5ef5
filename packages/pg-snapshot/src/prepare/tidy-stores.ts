import type { Target } from "./target.ts";

/** Removes what a process that was killed while it saved left in the stores, whatever this run is after. */
export async function tidyStores({ name, stores = [] }: Target): Promise<void> {
  for (const store of stores) {
    // A store that cannot be read says so when it is asked for a snapshot, or is to be written.
    if (store.writable) await store.tidy?.(name).catch(() => undefined);
  }
}
