import type { Owner } from "../owner.ts";
import { dropDatabase } from "../template/create-database.ts";

/**
 * Runs `work` on a database of that name and drops what is left of it, however `work` ends. Where the server
 * is gone, the next run sweeps it.
 */
export async function withScratch<T>(owner: Owner, scratch: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await dropDatabase(owner, scratch, { force: true }).catch(() => undefined);
  }
}
