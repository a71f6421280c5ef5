import { expect, test } from "vitest";
import { openDeployment } from "../support/deployment.ts";
import { isBuilding, isReplaced, publishes, servesNews } from "../support/faults.ts";
import { openMessages } from "../support/messages.ts";
import { openNetwork, requiresNetwork } from "../support/network.ts";
import { startBroker } from "../support/rabbitmq.ts";
import { requires } from "../support/requires.ts";
import { underLoad, webhooksTo } from "../support/under-load.ts";

test("Postgres restarted in mid-load: sessions ended, then as by a crash", async () => {
  await using deployment = await openDeployment({ repositories: 3 });
  const survivors = [await deployment.startWorker(), await deployment.startWorker()];
  await underLoad(deployment, { survivors }, async (load) => {
    for (const mode of ["fast", "immediate"] as const) {
      await deployment.postgres.stop(mode);
      await load.more(10);
      await deployment.postgres.start();
      await servesNews(deployment, load);
    }
  });
  for (const { log } of survivors) {
    const failed = log.filter(({ event }) => event === "loop.failed").map(({ loop }) => loop);
    expect(failed, "loops say that they could not").toContain("materialize");
  }
});

test("a worker killed in mid-load: its branches are taken over, and another one takes its place", async () => {
  await using deployment = await openDeployment({ repositories: 3 });
  const survivor = await deployment.startWorker();
  let victim = await deployment.startWorker();
  await underLoad(deployment, { survivors: [survivor] }, async (load) => {
    for (let time = 0; time < 2; time += 1) {
      await isBuilding(deployment, victim);
      victim.send("SIGKILL");
      expect(await victim.exited).toBe("SIGKILL");
      await isReplaced(deployment, victim);
      await servesNews(deployment, load);
      victim = await deployment.startWorker();
    }
  });
});

requires("rabbitmq-server")(
  "RabbitMQ restarted in mid-load, then killed: each message it took is applied, each event comes out",
  async () => {
    await using broker = await startBroker();
    const messages = await openMessages(broker);
    await using deployment = await openDeployment({ repositories: 3, broker });
    const survivors = [await deployment.startWorker(), await deployment.startWorker()];
    const announce = () => async (upstream: { name: string }, push: { branch: string }) =>
      await messages.send(upstream.name, push.branch).catch(() => undefined);
    await underLoad(deployment, { survivors, announce }, async (load) => {
      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        await broker.stop(signal);
        await load.more(10);
        await broker.start();
        await servesNews(deployment, load);
      }
    });
    await messages.expectNothingLost(deployment);
  },
);

(await requiresNetwork())(
  "a cable pulled in mid-load: the other worker goes on, and the one that was cut off comes back",
  async () => {
    await using network = await openNetwork(2);
    await using deployment = await openDeployment({ repositories: 3, network });
    const [host, other] = network.hosts as [(typeof network.hosts)[0], (typeof network.hosts)[0]];
    const cutOff = await deployment.startWorker({ host });
    const connected = await deployment.startWorker({ host: other });
    const options = { survivors: [cutOff, connected], announce: webhooksTo([connected]) };
    await underLoad(deployment, options, async (load) => {
      for (let time = 0; time < 2; time += 1) {
        await isBuilding(deployment, cutOff);
        await host.cut();
        await isReplaced(deployment, cutOff);
        await servesNews(deployment, load);
        await host.heal();
        await publishes(cutOff);
      }
    });
  },
);
