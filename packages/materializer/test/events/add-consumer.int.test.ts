import { expect, test } from "vitest";
import { holdStatement, lockAwaited } from "../support/held-statement.ts";
import { note, openProject } from "../support/open-project.ts";
import { buildGood, claimOne } from "../support/take-over.ts";

test("a consumer that becomes known while a branch is published waits for it, and has its event", async () => {
  await using project = await openProject();
  const { upstream, materializer, databaseUrl } = project;
  await upstream.commit("main", { "notes/a/x.json": note("1") });
  await project.settle();
  await upstream.commit("main", { "notes/a/x.json": note("2") });
  await materializer.observe("handbook");
  const lease = await claimOne(materializer);
  const built = await buildGood(materializer, lease);
  // The publisher has locked the branch and has not written it.
  await using publishing = holdStatement(databaseUrl, /insert into headstart_materializer\.versions/);
  await using consuming = holdStatement(
    databaseUrl,
    /insert into headstart_materializer\.consumer_queue \(consumer, branch_id\)\s+select \$1, id/,
  );
  const publisher = await project.another({ db: publishing.db });
  const consumer = await project.another({ db: consuming.db });
  const published = publisher.publish(lease, built);
  await publishing.reached();
  const heard: string[] = [];
  const consumed = consumer.consume({
    consumer: "site",
    handler: async ({ oid }) => void heard.push(oid ?? ""),
  });
  await Promise.race([consuming.reached(), lockAwaited(project.db)]);
  publishing.letGo();
  await Promise.race([published, lockAwaited(project.db)]);
  consuming.letGo();
  expect(await published).toMatchObject({ served: true });
  expect(await consumed).toBe(2);
  expect(heard).toEqual([expect.any(String), lease.oid]);
});

test("a consumer that is removed while a branch is published is waited for, and does not hold the event up", async () => {
  await using project = await openProject();
  const { upstream, materializer, db } = project;
  for (const consumer of ["gone", "site"])
    await materializer.consume({ consumer, handler: async () => undefined });
  await upstream.commit("main", { "notes/a/x.json": note("1") });
  await materializer.observe("handbook");
  const lease = await claimOne(materializer);
  const operator = await db.connect();
  await operator.query("begin");
  await operator.query("delete from headstart_materializer.consumers where name = 'gone'");
  const materialized = materializer.materialize(lease);
  await lockAwaited(db);
  await operator.query("commit");
  operator.release();
  expect(await materialized).toMatchObject({ outcome: "published" });
  const heard: string[] = [];
  await materializer.consume({ consumer: "site", handler: async ({ event }) => void heard.push(event) });
  expect(heard).toEqual(["branch-materialized"]);
});

test("a consumer that is removed while it reads is waited for, and neither of the two fails", async () => {
  await using project = await openProject();
  const { upstream, materializer, db } = project;
  await upstream.commit("main", { "notes/a/x.json": note("1") });
  await project.settle();
  let removal: Promise<unknown> | undefined;
  const handled = await materializer.consume({
    consumer: "gone",
    handler: async () => {
      removal = db.query("delete from headstart_materializer.consumers where name = 'gone'");
      await lockAwaited(db);
    },
  });
  expect(handled).toBe(1);
  await removal;
  expect((await db.query("select from headstart_materializer.consumers")).rowCount).toBe(0);
});

test("a consumer that is being removed when it begins to read waits for that, and reads nothing", async () => {
  await using project = await openProject();
  const { upstream, materializer, db } = project;
  const consume = async (): Promise<number> =>
    await materializer.consume({ consumer: "gone", handler: async () => undefined });
  await consume();
  await upstream.commit("main", { "notes/a/x.json": note("1") });
  await project.settle();
  const operator = await db.connect();
  await operator.query("begin");
  await operator.query("delete from headstart_materializer.consumers where name = 'gone'");
  const consumed = consume();
  await lockAwaited(db);
  await operator.query("commit");
  operator.release();
  expect(await consumed).toBe(0);
  expect(await consume()).toBe(1);
});
