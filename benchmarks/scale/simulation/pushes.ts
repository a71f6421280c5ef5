import type { Clock } from "./clock.ts";
import type { Assumptions } from "./deployment.ts";
import { exponential, zipf, type Random } from "./random.ts";

export interface Push {
  readonly at: number;
  readonly repository: number;
  readonly branch: number;
}

interface Arriving {
  readonly perSecond: number;
  readonly repositories: number;
  readonly branches: number;
  readonly assumptions: Assumptions;
  readonly random: Random;
}

/** Lets pushes happen: single ones at random times, and now and then a burst to one repository. */
export function arrive(
  clock: Clock,
  options: Arriving,
  happen: (push: Push, announced: boolean) => void,
): void {
  const { perSecond, repositories, branches, random } = options;
  const { bursts, burst, lostWebhooks, skew } = options.assumptions;
  const pick = zipf(random, repositories, skew);
  const perRepository = Math.max(1, Math.round(branches / repositories));
  const meanGap = (1_000 / perSecond) * (1 + bursts * (burst - 1));
  const next = (): void => {
    const repository = pick();
    const count = random() < bursts ? burst : 1;
    for (let n = 0; n < count; n += 1) {
      const branch = Math.floor(random() * perRepository);
      happen({ at: clock.now, repository, branch }, random() >= lostWebhooks);
    }
    clock.after(exponential(random, meanGap), next);
  };
  clock.after(exponential(random, meanGap), next);
}
