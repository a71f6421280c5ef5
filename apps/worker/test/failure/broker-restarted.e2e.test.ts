import { openDeployment } from "../support/deployment.ts";
import { servesNews } from "../support/faults.ts";
import { openMessages } from "../support/messages.ts";
import { startBroker } from "../support/rabbitmq.ts";
import { requires } from "../support/requires.ts";
import { underLoad } from "../support/under-load.ts";

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
