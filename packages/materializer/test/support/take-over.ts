import type pg from "pg";
import { expect } from "vitest";
import type { Materializer } from "../../src/create-materializer.ts";
import type { Lease } from "../../src/queue/claim.ts";

/** Makes every lease run out now, as it does by itself some time after its holder died. */
export async function expireLeases(db: pg.Pool): Promise<void> {
  await db.query(
    "update headstart_materializer.branches set lease_until = now() - interval '1 s' where lease_until is not null",
  );
}

/** Makes what waits for its time due now. */
export async function makeDue(db: pg.Pool): Promise<void> {
  await db.query("update headstart_materializer.branches set due_at = now() where due_at > now()");
  await db.query("update headstart_materializer.repositories set observe_at = now()");
}

export async function claimOne(materializer: Materializer): Promise<Lease> {
  const [lease, ...others] = await materializer.claim({ limit: 1 });
  expect(others).toEqual([]);
  if (lease === undefined) throw new Error("nothing was due");
  return lease;
}

/** Builds what a lease wants and expects that it is good. */
export async function buildGood(materializer: Materializer, lease: Lease) {
  const built = await materializer.build(lease, { signal: new AbortController().signal });
  if (built.kind !== "built") throw new Error(`the build is invalid: ${JSON.stringify(built.issues)}`);
  return built;
}
