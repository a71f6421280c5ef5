import { expect, inject, test } from "vitest";
import { dropDatabaseByName } from "../../src/drop-database-by-name.ts";
import { prepare } from "../../src/prepare/prepare.ts";
import type { Target } from "../../src/prepare/target.ts";
import { resolveConnection } from "../../src/server/connection-settings.ts";
import { databasesLike, freshDigest, query } from "../fixtures/databases.ts";
import { proxy } from "../fixtures/proxy.ts";

const server = inject("serverUrl");

/** A target whose databases can be told by its name. */
function target(statement: (database: string) => string = () => "create table item (id int)"): Target {
  const digest = freshDigest();
  return {
    name: `tmpl${digest.slice(0, 8)}`,
    fingerprint: async () => ({ digest, manifest: "" }),
    build: async ({ name }) => void (await query(server, statement(name), { database: name })),
  };
}

const clonesOf = ({ name }: Target): Promise<string[]> => databasesLike(server, `hs\\_c\\_%${name}%`);

test("a clone of a template that was dropped meanwhile says so", async () => {
  await using prepared = await prepare(target(), { server });
  await dropDatabaseByName(prepared.template.name, { server });
  await expect(prepared.template.clone()).rejects.toMatchObject({
    code: "TEMPLATE_ABSENT",
    hint: expect.stringContaining("prepare") as string,
  });
});

test("a clone that cannot get its template's settings is not left behind", async () => {
  const role = `gone_${freshDigest().slice(0, 8)}`;
  await query(server, `create role ${role}`);
  const one = target((database) => `alter role ${role} in database ${database} set work_mem to '5MB'`);
  await using prepared = await prepare(one, { server });
  await query(server, `drop role ${role}`);
  await expect(prepared.template.clone()).rejects.toMatchObject({ code: "QUERY_FAILED" });
  await expect(prepared.template.keepClone()).rejects.toMatchObject({ code: "QUERY_FAILED" });
  expect(await clonesOf(one)).toEqual([]);
});

test("nor is one that was ready just as it was aborted", async () => {
  await using network = await proxy(resolveConnection(server));
  const one = target();
  await using prepared = await prepare(one, { server: network.settings });
  const controller = new AbortController();
  const reason = new Error("changed my mind");
  network.holdAnswers();
  const settled = expect(prepared.template.clone({ signal: controller.signal })).rejects.toBe(reason);
  await expect.poll(() => clonesOf(one)).toHaveLength(1);
  controller.abort(reason);
  network.releaseAnswers();
  await settled;
  expect(await clonesOf(one)).toEqual([]);
});

test("a clone whose drop failed can be dropped again", async () => {
  const role = `dropper_${freshDigest().slice(0, 8)}`;
  await query(server, `create role ${role} login createdb password 'pw'`);
  const one = target();
  const settings = { ...resolveConnection(server), user: role, password: "pw" };
  await using prepared = await prepare(one, { server: settings });
  await using clone = await prepared.template.clone();
  await query(server, `alter database ${clone.name} owner to postgres`);
  await expect(clone.drop()).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  await query(server, `alter database ${clone.name} owner to ${role}`);
  await clone.drop();
  expect(await clonesOf(one)).toEqual([]);
});
