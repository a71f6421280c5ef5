import { expect, test } from "vitest";
import { openDeployment } from "../support/deployment.ts";
import { isBuilding, isReplaced, servesNews } from "../support/faults.ts";
import { underLoad } from "../support/under-load.ts";

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
