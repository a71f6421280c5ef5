import { expect } from "vitest";
import type { Deployment, RunningWorker } from "./deployment.ts";
import { isReplaced, servesNews } from "./faults.ts";
import type { Load } from "./load.ts";
import type { Host } from "./network.ts";
import type { Broker } from "./rabbitmq.ts";
import type { Random } from "./random.ts";

/** All that may fail. */
export interface Site {
  readonly deployment: Deployment;
  readonly broker: Broker;
  /** Whose cables may be pulled. */
  readonly hosts: readonly Host[];
  /** The worker that is killed and replaced. */
  changing: RunningWorker;
  readonly startChanging: () => Promise<RunningWorker>;
}

type Fault = (site: Site, facts: { readonly load: Load; readonly random: Random }) => Promise<void>;

const faults = {
  "Postgres restarted": async ({ deployment: { postgres } }, { load, random }) => {
    await postgres.stop(random.pick(["fast", "immediate"]));
    await load.more(random.below(20));
    await postgres.start();
  },
  "RabbitMQ restarted": async ({ broker }, { load, random }) => {
    await broker.stop(random.pick(["SIGTERM", "SIGKILL"]));
    await load.more(random.below(20));
    await broker.start();
  },
  "worker killed": async (site, { load, random }) => {
    await kill(site);
    await load.more(random.below(20));
    await isReplaced(site.deployment, site.changing);
    site.changing = await site.startChanging();
  },
  "worker ended and replaced": async (site) => {
    const next = site.startChanging();
    site.changing.send("SIGTERM");
    expect(await site.changing.exited, "exit code").toBe(0);
    site.changing = await next;
  },
  "cable pulled": async ({ hosts }, { load, random }) => {
    if (hosts.length === 0) return;
    const host = random.pick(hosts);
    await host.cut();
    await load.more(random.below(60));
    await host.heal();
  },
  "everything at once": async (site, { load }) => {
    const { postgres } = site.deployment;
    await Promise.all([kill(site), postgres.stop("immediate"), site.broker.stop("SIGKILL")]);
    await load.more(10);
    await Promise.all([postgres.start(), site.broker.start()]);
    site.changing = await site.startChanging();
  },
} satisfies Record<string, Fault>;

/** Lets something fail, mends it, and waits until new pushes are served again. */
export async function randomFault(
  site: Site,
  { load, random, tell }: { load: Load; random: Random; tell: (name: string) => void },
): Promise<void> {
  const [name, fault] = random.pick(Object.entries<Fault>(faults));
  tell(name);
  await fault(site, { load, random });
  await servesNews(site.deployment, load);
}

async function kill({ changing }: Site): Promise<void> {
  changing.send("SIGKILL");
  await changing.exited;
}
