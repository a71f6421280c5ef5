import { expect, test } from "vitest";
import { openDeployment } from "../support/deployment.ts";
import { servesNews } from "../support/faults.ts";
import { underLoad } from "../support/under-load.ts";

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
