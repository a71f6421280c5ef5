import { expect, inject, test } from "vitest";
import { dropDatabaseByName } from "../src/drop-database-by-name.ts";
import { inventory } from "../src/inventory.ts";
import { prepare } from "../src/prepare/prepare.ts";
import { resolveConnection } from "../src/server/connection-settings.ts";
import { freshDigest, query } from "./fixtures/databases.ts";

const server = inject("serverUrl");

test("a database that a role may not enter is listed all the same, without its size", async () => {
  const digest = freshDigest();
  const role = `visitor_${digest.slice(0, 8)}`;
  await query(server, `create role ${role} login password 'pw'`);
  await using prepared = await prepare(
    {
      name: "inventory",
      fingerprint: async () => ({ digest, manifest: "" }),
      build: async ({ name }) => void (await query(server, "create table item (id int)", { database: name })),
    },
    { server },
  );
  const { name } = await prepared.template.keepClone();
  await query(server, `revoke connect on database ${name} from public`);
  const asked = async (user: Partial<ReturnType<typeof resolveConnection>>): Promise<unknown> =>
    (await inventory({ server: { ...resolveConnection(server), ...user } })).find(
      (item) => item.name === name,
    );
  const known = expect.toSatisfy((bytes: number) => bytes > 1_000_000);
  const visitor = { user: role, password: "pw" };
  expect(await asked({})).toMatchObject({ kind: "kept-clone", bytes: known, mine: true });
  expect(await asked(visitor)).toMatchObject({ kind: "kept-clone", bytes: 0, mine: false });
  await query(server, `grant pg_read_all_stats to ${role}`);
  expect(await asked(visitor)).toMatchObject({ bytes: known });
  await dropDatabaseByName(name, { server });
});
