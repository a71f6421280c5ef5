import { PgSnapshotError } from "./errors.ts";
import { inventory, type InventoryOptions } from "./inventory.ts";
import { Owner } from "./owner.ts";
import { resolveConnection } from "./server/connection-settings.ts";
import { dropDatabase } from "./template/create-database.ts";

/**
 * Drops one of our databases by its name. Anything else on the server is refused, so that a slip of the hand
 * costs no data.
 *
 * @returns `false` when there is no database of that name
 * @throws {PgSnapshotError} `PERMISSION_DENIED` for a database that is not ours, `DATABASE_IN_USE`
 */
export async function dropDatabaseByName(name: string, options: InventoryOptions = {}): Promise<boolean> {
  const { server, signal } = options;
  const settings = typeof server === "object" ? server : resolveConnection(server);
  const ours = (await inventory({ server: settings, signal })).some((item) => item.name === name);
  await using owner = await Owner.open(settings, { purpose: "drop", signal });
  using _held = owner.hold();
  if (!ours) {
    const found = await owner.query(
      "looking for the database",
      "select 1 as found from pg_catalog.pg_database where datname = $1::name",
      [name],
    );
    if (found.length === 0) return false;
    throw new PgSnapshotError("PERMISSION_DENIED", `database "${name}" was not made by headstart`, {
      hint: `if it must go, drop it yourself: dropdb "${name}"`,
    });
  }
  await dropDatabase(owner, name, { signal });
  return true;
}
