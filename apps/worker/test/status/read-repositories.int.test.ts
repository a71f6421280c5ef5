import { expect, test } from "vitest";
import { readRepositories } from "../../src/status/read-repositories.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

test("the next look at a repository is not before the time until which its remote wants to be left alone", async () => {
  await using scratch = await scratchDatabase();
  const { db } = scratch;
  await db.query(
    `insert into headstart_materializer.repositories
       (name, url, scope, tenant, projector_name, projector, observe_at, not_before)
     select name, 'https://example.org/' || name, name, name, 'pages', 'p', '2026-01-01T10:00Z', not_before
     from (values ('free', null), ('later', '2026-01-01T11:00Z'::timestamptz), ('past', '2026-01-01T09:00Z')) as r (name, not_before)`,
  );
  const looks = (await readRepositories(db)).map(({ name, nextLookAt }) => [name, nextLookAt]);
  expect(looks).toEqual([
    ["free", "2026-01-01T10:00:00.000Z"],
    ["later", "2026-01-01T11:00:00.000Z"],
    ["past", "2026-01-01T10:00:00.000Z"],
  ]);
});
