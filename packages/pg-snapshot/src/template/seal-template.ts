import { scratchName } from "../names.ts";
import type { Owner } from "../owner.ts";
import { quoteIdentifier, quoteLiteral } from "../quote-identifier.ts";
import { dropDatabase } from "./create-database.ts";
import type { TemplateDescription } from "./template-description.ts";

/**
 * Makes the finished database `scratch` the template `name`, in one transaction: described, closed to
 * connections, marked as template and renamed. Whoever sees the name sees it whole; a crash before the commit
 * leaves a scratch database, which is swept. A template already of that name gives way in the same transaction.
 *
 * @throws {PgSnapshotError} `DATABASE_IN_USE` when a session is still connected to the scratch database
 */
export async function sealTemplate(
  owner: Owner,
  { scratch, name, description }: { scratch: string; name: string; description: TemplateDescription },
): Promise<void> {
  const replaced = await owner.query<{ datname: string }>(
    "looking for the template to replace",
    "select datname from pg_catalog.pg_database where datname = $1::name",
    [name],
  );
  const retired = scratchName(owner.id, description.target);
  const from = quoteIdentifier(scratch);
  const to = quoteIdentifier(name);
  await owner.transaction(`sealing template "${name}"`, [
    ...(replaced.length > 0
      ? [
          `alter database ${to} is_template false`,
          `alter database ${to} rename to ${quoteIdentifier(retired)}`,
        ]
      : []),
    `comment on database ${from} is ${quoteLiteral(JSON.stringify(description))}`,
    `alter database ${from} with allow_connections false is_template true`,
    `alter database ${from} rename to ${to}`,
  ]);
  if (replaced.length > 0) await dropDatabase(owner, retired, { force: true });
}
