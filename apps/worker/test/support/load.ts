import { setTimeout as delay } from "node:timers/promises";
import { randomPush } from "./pushes.ts";
import type { Random } from "./random.ts";
import { until } from "./until.ts";
import type { Push, Upstream } from "./upstream.ts";

/** People who push, each push to one of the repositories, at a steady rate. */
export interface Load {
  /** How many pushes there were so far. */
  readonly pushes: () => number;
  /** Resolves once there were this many more. */
  more(count: number): Promise<void>;
  /** Pauses it; resolves when all is pushed and announced. @throws what pushing failed with */
  rest(): Promise<void>;
  resume(): void;
}

export interface LoadOptions {
  readonly upstreams: readonly Upstream[];
  readonly random: Random;
  /** Pushes a second, as far as git is fast enough. */
  readonly rate: number;
  /** Tells a worker about a push, or does not. It is not waited for before the next push. */
  readonly announce: (upstream: Upstream, push: Push) => Promise<void>;
}

export function startLoad({ upstreams, random, rate, announce }: LoadOptions): Load {
  const announcing = new Set<Promise<void>>();
  let pushes = 0;
  const pushUntil = async (signal: AbortSignal): Promise<void> => {
    const beganAt = performance.now();
    for (let made = 1; !signal.aborted; made += 1) {
      const upstream = random.pick(upstreams);
      const push = randomPush(upstream, random, `push ${pushes}`);
      await upstream.push(push);
      pushes += 1;
      const announced = announce(upstream, push).finally(() => announcing.delete(announced));
      announcing.add(announced);
      const early = beganAt + (made * 1000) / rate - performance.now();
      if (early > 0) await delay(early, undefined, { signal }).catch(() => undefined);
    }
    await Promise.all(announcing);
  };
  let ending = new AbortController();
  let running = pushUntil(ending.signal);
  const rest = async (): Promise<void> => {
    ending.abort();
    await running;
  };
  return {
    pushes: () => pushes,
    more: async (count) => {
      const enough = pushes + count;
      const there = until(() => pushes >= enough, { what: `${count} more pushes` });
      await Promise.race([running.then(async () => await there), there]);
    },
    rest,
    resume: () => {
      ending = new AbortController();
      running = pushUntil(ending.signal);
    },
  };
}
