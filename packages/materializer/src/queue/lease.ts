import type { Context } from "../context.ts";
import { MaterializerError } from "../errors.ts";
import type { Lease } from "./claim.ts";

/** Prolongs a lease by its full length from now. False when it is lost: the branch may be somebody else's. */
export async function renew(context: Context, lease: Lease): Promise<boolean> {
  const { rowCount } = await context.db.query(
    `update headstart_materializer.branches set lease_until = clock_timestamp() + $3 * interval '1 ms'
     where id = $1 and lease_token = $2`,
    [lease.branchId, lease.token, context.settings.leaseMs],
  );
  return rowCount === 1;
}

/** Gives a lease back unused, so that another worker may take the branch at once. The attempt does not count. */
export async function release(context: Context, lease: Lease): Promise<void> {
  await context.db.query(
    `update headstart_materializer.branches
     set lease_owner = null, lease_token = null, lease_until = null, attempts = greatest(attempts - 1, 0)
     where id = $1 and lease_token = $2`,
    [lease.branchId, lease.token],
  );
}

/**
 * Renews a lease while its build runs. The signal aborts, with a `LEASE_LOST` error as its reason, when the lease
 * is lost or could not be renewed for its whole length, and with the caller's reason when the caller aborts.
 */
export function keepLease(
  context: Context,
  lease: Lease,
  outer: AbortSignal | undefined,
): Disposable & { readonly signal: AbortSignal } {
  const lost = new AbortController();
  let renewedAt = performance.now();
  const beat = async (): Promise<void> => {
    try {
      if (await renew(context, lease)) renewedAt = performance.now();
      else lost.abort(leaseLost(lease));
    } catch {
      // The server may be restarting; only a lease that has surely run out is given up.
      if (performance.now() - renewedAt > context.settings.leaseMs) lost.abort(leaseLost(lease));
    }
  };
  const timer = setInterval(() => void beat(), context.settings.leaseMs / 3);
  return {
    signal: outer === undefined ? lost.signal : AbortSignal.any([outer, lost.signal]),
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

export function leaseLost(lease: Lease): MaterializerError {
  return new MaterializerError(
    "LEASE_LOST",
    `The lease on ${lease.ref} of ${JSON.stringify(lease.repository)} ran out before its build was published.`,
    { hint: "Nothing is lost: another worker builds it. If it happens often, raise settings.leaseMs." },
  );
}

/** Of a lease that was taken while another projector was being registered. */
export function leaseSuperseded(lease: Lease): MaterializerError {
  return new MaterializerError(
    "PROJECTOR_SUPERSEDED",
    `${JSON.stringify(lease.repository)} was registered with another projector than the lease on ${lease.ref} names.`,
    { hint: "Release the lease: a process that has the wanted projector builds the branch." },
  );
}
