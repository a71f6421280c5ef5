import { openDeployment } from "../support/deployment.ts";
import { expectNoGrowth, heldBy } from "../support/held.ts";
import { startLoad } from "../support/load.ts";
import { sendWebhook } from "../support/announce.ts";
import { openMessages } from "../support/messages.ts";
import { openNetwork, whyNoNetwork, type Network } from "../support/network.ts";
import { expectProven, settle } from "../support/proof.ts";
import { startBroker } from "../support/rabbitmq.ts";
import { createRandom } from "../support/random.ts";
import { requires } from "../support/requires.ts";
import { randomFault, type Site } from "../support/random-fault.ts";

/** Pushes a second. */
const RATE = 15;
/** How long faults follow each other before everything is proven, in milliseconds. */
const ROUND_MS = 20_000;
/** Starting, proving and ending, in milliseconds, on a machine that has other work. */
const BESIDE_MS = 300_000;

const minutes = Number(process.env["HEADSTART_SOAK_MINUTES"] ?? "0");
/** The same story at each run, unless another one is asked for. */
const seed = Number(process.env["HEADSTART_SOAK_SEED"] ?? "7");

// `scripts/soak.ts` lets it go on for as long as one likes.
requires("rabbitmq-server")(
  "whatever is pushed, and whatever fails meanwhile, everything ends as git says and nothing grows",
  { timeout: minutes * 60_000 + BESIDE_MS },
  async () => {
    const network = await networkOrNone();
    await using _network = network;
    const [host, other] = network?.hosts ?? [];
    await using broker = await startBroker(network && { host: network.address });
    const messages = await openMessages(broker);
    await using deployment = await openDeployment({ repositories: 3, broker, ...(network && { network }) });
    const steady = await deployment.startWorker(host && { host });
    const startChanging = async () => await deployment.startWorker(other && { host: other });
    const site: Site = {
      deployment,
      broker,
      hosts: network?.hosts ?? [],
      changing: await startChanging(),
      startChanging,
    };
    const random = createRandom(seed);
    const load = startLoad({
      upstreams: deployment.upstreams,
      random: createRandom(seed + 1),
      rate: RATE,
      announce: async (upstream, push) => {
        const way = (push.branch.length + load.pushes()) % 5;
        // Some are lost, and what is sent while somebody is away is lost as well.
        if (way < 2) await messages.send(upstream.name, push.branch).catch(() => undefined);
        else if (way < 4) await sendWebhook(steady.address, upstream, push).catch(() => undefined);
      },
    });
    const told: string[] = [];
    try {
      await load.more(100);
      await load.rest();
      await settle(deployment);
      const held = await heldBy(steady);
      const endsAt = performance.now() + minutes * 60_000;
      do {
        load.resume();
        const roundEndsAt = performance.now() + ROUND_MS;
        while (performance.now() < roundEndsAt)
          await randomFault(site, { load, random, tell: (name) => told.push(name) });
        await load.rest();
        await settle(deployment);
        await expectProven(deployment);
        expectNoGrowth(held, await heldBy(steady));
        report(load.pushes(), told);
      } while (performance.now() < endsAt);
      await messages.expectNothingLost(deployment);
    } catch (error) {
      throw new Error(`HEADSTART_SOAK_SEED=${seed}, after ${told.slice(-5).join(", ")}: ${String(error)}`, {
        cause: error,
      });
    } finally {
      await load.rest().catch(() => undefined);
    }
  },
);

/** Without one no network is cut, and whoever forbids skips is told so. */
async function networkOrNone(): Promise<Network | undefined> {
  const reason = await whyNoNetwork();
  if (reason === undefined) return await openNetwork(2);
  if (process.env["HEADSTART_NO_SKIPS"] === "1")
    throw new Error(`${reason}. HEADSTART_NO_SKIPS=1 lets no fault be left out.`);
  process.stderr.write(`No network is cut: ${reason}\n`);
  return undefined;
}

function report(pushes: number, faults: readonly string[]): void {
  process.stdout.write(
    `${new Date().toISOString()} ${pushes} pushes, ${faults.length} faults: all as git says\n`,
  );
}
