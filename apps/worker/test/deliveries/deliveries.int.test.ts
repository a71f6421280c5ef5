import { randomUUID } from "node:crypto";
import pg from "pg";
import { expect, test } from "vitest";
import { applyDeliveries } from "../../src/deliveries/apply-deliveries.ts";
import { recordDeliveries, type Delivery } from "../../src/deliveries/record-deliveries.ts";
import { runDeliveries } from "../../src/deliveries/run-deliveries.ts";
import { everyForge, fromGithub, send } from "../support/forge-requests.ts";
import { openIntake, serveWebhooks, type Intake } from "../support/intake.ts";
import { githubPush } from "../webhooks/forge-payloads.ts";

const pending = (change: Partial<Delivery> = {}): Delivery => ({
  source: "our-github",
  delivery: randomUUID(),
  event: "push",
  outcome: "pending",
  locations: ["github.com/team/handbook"],
  refs: ["refs/heads/main"],
  pushedBy: "jane",
  ...change,
});

async function handbook(): Promise<Intake> {
  const intake = await openIntake(everyForge);
  await intake.register("handbook", "https://github.com/team/handbook");
  return intake;
}

test("the same delivery sent twenty times at once is one row and one hint", async () => {
  await using intake = await handbook();
  await using server = await serveWebhooks(intake.context);
  const request = fromGithub("push", githubPush("refs/heads/main"));
  const answers = await Promise.all(
    Array.from({ length: 20 }, async () => await send(`${server.url}/webhooks/our-github`, request)),
  );
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
    ...Array.from({ length: 19 }, () => 200),
    202,
  ]);
  // The same body under twenty other ids: the id is not signed, but the push says when it was.
  const copies = await Promise.all(
    Array.from(
      { length: 20 },
      async () =>
        await send(`${server.url}/webhooks/our-github`, fromGithub("push", githubPush("refs/heads/main"))),
    ),
  );
  expect(new Set(copies.map(({ status }) => status))).toEqual(new Set([200]));
  await expectRows(intake.db, [{ outcome: "pending", count: 1 }]);
  await Promise.all([
    applyDeliveries(intake.db, 10),
    applyDeliveries(intake.db, 10),
    applyDeliveries(intake.db, 10),
  ]);
  await expectRows(intake.db, [{ outcome: "applied", count: 1 }]);
  expect(await hints(intake.db)).toEqual({ handbook: 1 });
});

test("two pushes to one branch that differ only in their time are two deliveries", async () => {
  await using intake = await handbook();
  await using server = await serveWebhooks(intake.context);
  for (const pushedAt of [1772366400, 1772366401]) {
    const request = fromGithub("push", githubPush("refs/heads/main", { pushedAt }));
    expect((await send(`${server.url}/webhooks/our-github`, request)).status).toBe(202);
  }
  await expectRows(intake.db, [{ outcome: "pending", count: 2 }]);
});

test("many workers apply each delivery once, and many deliveries about a branch are one hint", async () => {
  await using intake = await handbook();
  await intake.register("other", "https://github.com/team/other");
  const rows = Array.from({ length: 300 }, (_, n) =>
    pending({
      refs: [`refs/heads/drafts/${n % 3}`],
      locations: [`github.com/team/${n % 2 === 0 ? "handbook" : "other"}`],
    }),
  );
  await recordDeliveries(intake.db, rows);
  const pools = Array.from(
    { length: 4 },
    () => new pg.Pool({ connectionString: intake.context.db.options.connectionString, max: 2 }),
  );
  const settled = await Promise.all(
    pools.map(async (pool) => {
      const ids: string[] = [];
      for (;;) {
        const turn = await applyDeliveries(pool, 20);
        if (turn.settled.length === 0) return ids;
        ids.push(...turn.settled.map(({ id }) => id));
      }
    }),
  );
  await Promise.all(pools.map(async (pool) => await pool.end()));
  const ids = settled.flat();
  expect([ids.length, new Set(ids).size]).toEqual([300, 300]);
  await expectRows(intake.db, [{ outcome: "applied", count: 300 }]);
  const told = await hints(intake.db);
  expect((told["handbook"] ?? 0) + (told["other"] ?? 0)).toBeLessThan(300);
  const { rows: remembered } = await intake.db.query("select ref from headstart_materializer.hints");
  expect(remembered).toHaveLength(6);
});

test("a worker that dies between the hint and its mark leaves neither", async () => {
  await using intake = await handbook();
  await recordDeliveries(intake.db, [pending()]);
  // The transaction is kept from committing by a lock on the delivery's mark, and then its connection is cut.
  await intake.db.query(`
    create function wait_here() returns trigger language plpgsql as $$
    begin perform pg_advisory_xact_lock(4711); return new; end $$;
    create trigger wait_here before update on headstart_worker.deliveries
    for each row execute function wait_here()`);
  const holder = await intake.db.connect();
  await holder.query("select pg_advisory_lock(4711)");
  const doomed = new pg.Pool({
    connectionString: intake.context.db.options.connectionString,
    max: 1,
    application_name: "doomed",
  });
  doomed.on("error", () => undefined);
  const waiting =
    "select from pg_stat_activity where application_name = 'doomed' and wait_event = 'advisory'";
  const dying = applyDeliveries(doomed, 10).catch((error: unknown) => error);
  await expect.poll(async () => (await holder.query(waiting)).rowCount, { timeout: 30_000 }).toBe(1);
  await holder.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'doomed'",
  );
  expect(await dying).toBeInstanceOf(Error);
  await doomed.end();
  await holder.query("select pg_advisory_unlock(4711)");
  holder.release();
  expect(await hints(intake.db)).toEqual({ handbook: 0 });
  await expectRows(intake.db, [{ outcome: "pending", count: 1 }]);
  await applyDeliveries(intake.db, 10);
  expect(await hints(intake.db)).toEqual({ handbook: 1 });
  await expectRows(intake.db, [{ outcome: "applied", count: 1 }]);
});

test("one delivery that cannot be applied keeps no other waiting, is tried again later, shown and at last given up", async () => {
  await using intake = await handbook();
  await intake.db.query(`
    create function refuse() returns trigger language plpgsql as $$
    begin if new.ref = 'refs/heads/poison' then raise exception 'poison is refused'; end if; return new; end $$;
    create trigger refuse before insert or update on headstart_materializer.hints
    for each row execute function refuse()`);
  const rows = Array.from({ length: 30 }, (_, n) =>
    pending({ delivery: `n${n}`, refs: [n === 17 ? "refs/heads/poison" : `refs/heads/${n}`] }),
  );
  await recordDeliveries(intake.db, rows);
  for (let turn = 0; turn < 20; turn += 1) await applyDeliveries(intake.db, 100);
  await expectRows(intake.db, [
    { outcome: "applied", count: 29 },
    { outcome: "pending", count: 1 },
  ]);
  const poison = async () =>
    (
      await intake.db.query(
        "select outcome, attempts, reason, error_message, due_at > now() as later from headstart_worker.deliveries where delivery = 'n17'",
      )
    ).rows[0];
  expect(await poison()).toMatchObject({
    outcome: "pending",
    attempts: 1,
    error_message: "poison is refused",
    later: true,
  });
  for (let attempt = 2; attempt <= 10; attempt += 1) {
    await intake.db.query("update headstart_worker.deliveries set due_at = now() where outcome = 'pending'");
    expect(await applyDeliveries(intake.db, 100)).toEqual({ settled: [], failed: 1 });
  }
  expect(await poison()).toMatchObject({
    outcome: "failed",
    attempts: 10,
    reason: "it could not be applied 10 times; the last error is kept",
  });
  // Who has mended the cause sends it again.
  await intake.db.query("drop trigger refuse on headstart_materializer.hints");
  expect(await recordDeliveries(intake.db, rows.slice(16, 19))).toEqual(["repeated", "again", "repeated"]);
  await applyDeliveries(intake.db, 100);
  expect(await poison()).toMatchObject({ outcome: "applied", error_message: null, reason: null });
});

test("what is valid is applied, though something invalid came before it, or with it, under the same id", async () => {
  await using intake = await handbook();
  const invalid = (delivery: string): Delivery => ({
    source: "amqp",
    delivery,
    event: "wrong",
    outcome: "invalid",
    reason: "no repository",
  });
  const valid = (delivery: string): Delivery => ({
    source: "amqp",
    delivery,
    event: "repository-branch-updated",
    outcome: "pending",
    repositories: ["handbook"],
    refs: [`refs/heads/${delivery}`],
    pushedBy: "jane",
  });
  expect(await recordDeliveries(intake.db, [invalid("a")])).toEqual(["recorded"]);
  expect(await recordDeliveries(intake.db, [invalid("a")])).toEqual(["repeated"]);
  expect(await recordDeliveries(intake.db, [valid("a")])).toEqual(["again"]);
  expect(await recordDeliveries(intake.db, [invalid("b"), valid("b")])).toEqual(["repeated", "recorded"]);
  expect((await applyDeliveries(intake.db, 10)).settled).toHaveLength(2);
  expect(await recordDeliveries(intake.db, [valid("a"), invalid("b")])).toEqual(["repeated", "repeated"]);
  const { rows } = await intake.db.query(
    "select delivery, event, outcome, reason, repositories, refs, pushed_by from headstart_worker.deliveries order by delivery",
  );
  const applied = { event: "repository-branch-updated", outcome: "applied", reason: null, pushed_by: "jane" };
  expect(rows).toEqual([
    { ...applied, delivery: "a", repositories: ["handbook"], refs: ["refs/heads/a"] },
    { ...applied, delivery: "b", repositories: ["handbook"], refs: ["refs/heads/b"] },
  ]);
  const { rows: told } = await intake.db.query("select ref from headstart_materializer.hints order by ref");
  expect(told).toEqual([{ ref: "refs/heads/a" }, { ref: "refs/heads/b" }]);
});

test("text that Postgres cannot hold is kept in a form that it can", async () => {
  await using intake = await handbook();
  const results = await recordDeliveries(intake.db, [
    pending({ delivery: "a", pushedBy: "a\0b\uD800c" }),
    pending({ delivery: "a", pushedBy: "the same once more" }),
    pending({ delivery: "b", refs: ["refs/heads/\uDFFFx"] }),
  ]);
  expect(results).toEqual(["recorded", "repeated", "recorded"]);
  await applyDeliveries(intake.db, 10);
  const { rows } = await intake.db.query(
    "select ref, pushed_by from headstart_materializer.hints order by ref",
  );
  expect(rows).toEqual([
    { ref: "refs/heads/main", pushed_by: "a\uFFFDb\uFFFDc" },
    { ref: "refs/heads/\uFFFDx", pushed_by: "jane" },
  ]);
});

test("a loop applies what comes, says what it did, and ends", async () => {
  await using intake = await handbook();
  await using server = await serveWebhooks(intake.context);
  const end = new AbortController();
  const running = runDeliveries(intake.context, end.signal);
  for (let n = 0; n < 5; n += 1) {
    const answer = await send(
      `${server.url}/webhooks/our-github`,
      fromGithub("push", githubPush(`refs/heads/${n}`)),
    );
    expect(answer.status).toBe(202);
  }
  await expect
    .poll(async () => await intake.metric(`headstart_worker_deliveries_total{outcome="applied"}`), {
      timeout: 30_000,
    })
    .toBe(5);
  expect(await intake.metric("headstart_worker_deliveries_pending")).toBe(0);
  expect(await intake.metric('headstart_worker_webhooks_total{forge="github",outcome="taken"}')).toBe(5);
  expect(intake.context.loops.report()).toMatchObject([{ loop: "deliveries", healthy: true }]);
  end.abort();
  await running;
});

test("while the database is away webhooks are answered 503, and the loop says that it fails and comes back", async () => {
  await using intake = await handbook();
  await using server = await serveWebhooks(intake.context);
  const end = new AbortController();
  const running = runDeliveries(intake.context, end.signal);
  await intake.db.query("alter table headstart_worker.deliveries rename to away");
  const request = fromGithub("push", githubPush("refs/heads/main"));
  const answer = await send(`${server.url}/webhooks/our-github`, request);
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
  expect(await answer.json()).toMatchObject({ error: { code: "DATABASE_UNAVAILABLE" } });
  await expect.poll(() => intake.context.loops.report()[0]?.healthy, { timeout: 30_000 }).toBe(false);
  await intake.db.query("alter table headstart_worker.away rename to deliveries");
  expect((await send(`${server.url}/webhooks/our-github`, request)).status).toBe(202);
  await expect.poll(async () => await hints(intake.db), { timeout: 30_000 }).toEqual({ handbook: 1 });
  end.abort();
  await running;
});

test("a hundred webhooks at once are each kept and answered while nothing can be done about them", async () => {
  await using intake = await handbook();
  await using server = await serveWebhooks(intake.context);
  const url = `${server.url}/webhooks/our-github`;
  const busy = await intake.db.connect();
  await busy.query("begin");
  await busy.query("select from headstart_materializer.repositories for update");
  const answers = await Promise.all(
    Array.from(
      { length: 100 },
      async (_, n) => await send(url, fromGithub("push", githubPush(`refs/heads/${n}`))),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 202));
  await expectRows(busy, [{ outcome: "pending", count: 100 }]);
  await busy.query("rollback");
  busy.release();
});

async function expectRows(
  db: Pick<pg.ClientBase, "query">,
  expected: readonly { outcome: string; count: number }[],
): Promise<void> {
  const { rows } = await db.query(
    "select outcome, count(*)::int as count from headstart_worker.deliveries group by outcome order by outcome",
  );
  expect(rows).toEqual(expected);
}

async function hints(db: pg.Pool): Promise<Record<string, number>> {
  const { rows } = await db.query<{ name: string; hints: number }>(
    "select name, hints::int from headstart_materializer.repositories order by name",
  );
  return Object.fromEntries(rows.map((row) => [row.name, row.hints]));
}
