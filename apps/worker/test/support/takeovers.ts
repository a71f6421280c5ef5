import type pg from "pg";

/** Lets the database itself write down each time that a branch's lease passes from one holder to the next. */
export async function recordTakeovers(db: pg.Pool): Promise<void> {
  await db.query(`
    create schema observed;
    create table observed.takeovers (branch_id bigint, lease_until timestamptz, taken_at timestamptz);
    create function observed.take_over() returns trigger language plpgsql as $$
      begin
        insert into observed.takeovers values (old.id, old.lease_until, clock_timestamp());
        return new;
      end $$;
    create trigger observe_takeover after update on headstart_materializer.branches for each row
      when (old.lease_token is not null and new.lease_token is not null and old.lease_token <> new.lease_token)
      execute function observed.take_over();`);
}

/** How often a branch was taken from a holder whose time was not over: two would build it at once. */
export async function earlyTakeovers(db: pg.Pool): Promise<number> {
  const { rows } = await db.query<{ early: number }>(
    "select count(*)::int as early from observed.takeovers where taken_at < lease_until",
  );
  return rows[0]?.early ?? 0;
}
