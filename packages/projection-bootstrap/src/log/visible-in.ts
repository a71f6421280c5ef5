/** Whether a transaction that committed is visible in a `pg_current_snapshot()`, as `pg_visible_in_snapshot` says. */
export function visibleIn(snapshot: string, xid: bigint): boolean {
  const [xmin, xmax, open] = snapshot.split(":");
  if (xid < BigInt(xmin ?? "0")) return true;
  if (xid >= BigInt(xmax ?? "0")) return false;
  return !(open ?? "").split(",").includes(xid.toString());
}
