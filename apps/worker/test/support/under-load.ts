import { sendWebhook } from "./announce.ts";
import type { Deployment, RunningWorker } from "./deployment.ts";
import { expectNoGrowth, heldBy } from "./held.ts";
import { startLoad, type Load, type LoadOptions } from "./load.ts";
import { expectProven, settle } from "./proof.ts";
import { createRandom, type Random } from "./random.ts";

/** Pushes a second. */
const RATE = 20;

export interface UnderLoadOptions {
  /** Workers that live from the beginning to the end: what they hold must not grow. */
  readonly survivors: readonly RunningWorker[];
  /** Default: webhooks to the survivors, of which some are lost. */
  readonly announce?: (random: Random) => LoadOptions["announce"];
}

/**
 * Lets people push while something is done to the deployment, and proves at the end that nothing of it has left a
 * trace. The seed of what was pushed is told by every failure.
 */
export async function underLoad(
  deployment: Deployment,
  { survivors, announce = webhooksTo(survivors) }: UnderLoadOptions,
  fault: (load: Load) => Promise<void>,
): Promise<void> {
  const seed = Number(process.env["HEADSTART_SEED"] ?? "7");
  const random = createRandom(seed);
  const { upstreams } = deployment;
  const load = startLoad({ upstreams, random, rate: RATE, announce: announce(random) });
  try {
    await load.more(60);
    await load.rest();
    await settle(deployment);
    const held = await Promise.all(survivors.map(heldBy));
    load.resume();
    await load.more(20);
    await fault(load);
    await load.more(20);
    await load.rest();
    await settle(deployment);
    await expectProven(deployment);
    for (const [index, survivor] of survivors.entries()) expectNoGrowth(held[index]!, await heldBy(survivor));
  } catch (error) {
    throw new Error(`with seed ${seed}: ${String(error)}`);
  } finally {
    await load.rest().catch(() => undefined);
  }
}

/** Whether one arrives is not what counts: polling finds what was lost. */
export function webhooksTo(workers: readonly RunningWorker[]) {
  return (random: Random): LoadOptions["announce"] =>
    async (upstream, push) => {
      if (random.chance(0.8))
        await sendWebhook(random.pick(workers).address, upstream, push).catch(() => undefined);
    };
}
