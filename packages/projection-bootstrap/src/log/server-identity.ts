import type pg from "pg";

/** Which era the database is in, and whether the server it runs on is the one that the era belongs to. */
export interface ServerIdentity {
  readonly era: number;
  readonly systemIdentifier: string;
  readonly foreign: string | undefined;
}

/**
 * A restored database carries the era of the server it came from. The system identifier tells servers apart; an
 * event from a transaction that has not begun yet tells as much where identifiers are equal.
 */
export async function readServerIdentity(client: pg.ClientBase): Promise<ServerIdentity> {
  const { rows } = await client.query<IdentityRow>(identityQuery);
  return serverIdentity(rows[0]);
}

export interface IdentityRow {
  readonly era: number;
  readonly stamped: string;
  readonly here: string;
  readonly future: boolean;
}

/** One row, as {@link serverIdentity} takes it. */
export const identityQuery = `
     select era.number as era, era.system_identifier as stamped, control.system_identifier::text as here,
            coalesce((select event.xid >= pg_snapshot_xmax(pg_current_snapshot())
                        from headstart_projections.event
                       where event.era = era.number
                         and event.xid is distinct from pg_current_xact_id_if_assigned()
                       order by event.era desc, event.xid desc limit 1), false) as future
       from headstart_projections.era, pg_control_system() as control
      order by era.number desc limit 1`;

export function serverIdentity(row: IdentityRow | undefined): ServerIdentity {
  if (row === undefined) throw new Error("headstart_projections.era is empty");
  return { era: row.era, systemIdentifier: row.here, foreign: foreignReason(row) };
}

function foreignReason({ stamped, here, future }: IdentityRow) {
  if (stamped !== here) {
    return `its events were written on the server with system identifier ${stamped}, and this one has ${here}`;
  }
  if (future) return "it holds events of transactions that this server has not begun";
  return undefined;
}
