import { expect, test } from "vitest";
import { sendWebhook } from "../support/announce.ts";
import { openDeployment, type RunningWorker, type WorkerOptions } from "../support/deployment.ts";
import { openFront } from "../support/front.ts";
import { startLoad } from "../support/load.ts";
import { expectProven, settle } from "../support/proof.ts";
import { createRandom } from "../support/random.ts";
import type { Upstream } from "../support/upstream.ts";
import { until } from "../support/until.ts";

const RATE = 10;
/** Longer than the front takes to notice that a worker is not ready any more, and shorter than it is by default. */
const LINGER_MS = 1_000;

test("all workers restarted one after the other under load: every delivery is taken, no build is lost", async () => {
  await using deployment = await openDeployment({
    repositories: 3,
    config: { http: { lingerMs: LINGER_MS } },
  });
  const [first] = deployment.upstreams as [Upstream];
  await using front = await openFront();
  const start = async (http: WorkerOptions["http"] = {}): Promise<RunningWorker> => {
    const worker = await deployment.startWorker({ http });
    front.add(worker.address);
    await until(() => front.ready().includes(worker.address), { what: "the front to see the worker" });
    return worker;
  };
  // The last one does as one does that nobody told how to end.
  const workers = [await start(), await start(), await start({ lingerMs: undefined })];
  const answers = new Map<number | string, number>();
  const seed = Number(process.env["HEADSTART_SEED"] ?? "7");
  const load = startLoad({
    upstreams: deployment.upstreams,
    random: createRandom(seed),
    rate: RATE,
    announce: async (upstream, push) => {
      const answer = await sendWebhook(front.url, upstream, push).catch(String);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    },
  });
  await load.more(40);
  const replacements: RunningWorker[] = [];
  for (const worker of workers) {
    worker.send("SIGTERM");
    await worker.logged("worker.ending");
    // A load balancer that has not noticed yet.
    expect(await sendWebhook(worker.address, first, { branch: "main", kind: "commit" })).toBe(202);
    expect(await worker.exited, "exit code").toBe(0);
    front.remove(worker.address);
    replacements.push(await start());
    await load.more(10);
  }
  await load.rest();
  expect(Object.fromEntries(answers), `answers to webhooks, with seed ${seed}`).toEqual({
    202: load.pushes(),
  });
  await settle(deployment);
  await expectProven(deployment);
  const { rows } = await deployment.db.query<{ taken: number }>(
    "select count(*)::int as taken from headstart_worker.deliveries",
  );
  expect(rows[0]?.taken, "durable deliveries").toBe(load.pushes() + workers.length);
  const lost = [...workers, ...replacements].flatMap(({ log }) =>
    log.filter(({ event }) => event === "branch.lost"),
  );
  expect(lost, "builds whose lease ran out").toEqual([]);
});
