import { openDeployment } from "../support/deployment.ts";
import { isBuilding, isReplaced, publishes, servesNews } from "../support/faults.ts";
import { openNetwork, requiresNetwork } from "../support/network.ts";
import { underLoad, webhooksTo } from "../support/under-load.ts";

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
