import type { Activity } from "./activity.ts";
import { isWeekend, secondsPerDay } from "./clock.ts";
import { createRandom } from "./random.ts";
import type { Corpus } from "./read-corpus.ts";
import { playAudience } from "./scenarios/audience.ts";
import { createCounters } from "./scenarios/counters.ts";
import { playDiscussion } from "./scenarios/discussions.ts";
import { playAnything } from "./scenarios/everything-else.ts";
import { playIssue } from "./scenarios/issues.ts";
import { playPullRequest } from "./scenarios/pull-requests.ts";
import { playDirectPush } from "./scenarios/pushes.ts";
import { playRelease } from "./scenarios/releases.ts";
import type { Stage } from "./scenarios/stage.ts";
import type { World } from "./world.ts";

/** How often, in a hundred working days of a repository with the usual pace. */
const scenarios: readonly (readonly [play: (stage: Stage, at: number) => void, perHundredDays: number])[] = [
  [playDirectPush, 20],
  [playPullRequest, 22],
  [playIssue, 36],
  [playDiscussion, 6],
  [playRelease, 3],
  [playAudience, 60],
  [playAnything, 20],
];

const weekendPercent = 25;
const workFrom = 7 * 3600;
const workTo = 19 * 3600;

/**
 * The first `count` events of the story, in the order of time. It goes on for as many days as that takes, and a
 * shorter one is the beginning of a longer one.
 */
export function simulate(world: World, corpus: Corpus, count: number): Activity[] {
  const counters = createCounters();
  const activities: Activity[] = [];
  const emit = (activity: Activity): void => void activities.push(activity);
  for (let day = 0; ; day++) {
    // What began earlier may go on later, but nothing that begins later can come before this moment.
    const settled = day * secondsPerDay;
    if (activities.length >= count && activities.filter(({ at }) => at < settled).length >= count) break;
    for (const repository of world.repositories) {
      const random = createRandom(`${repository.id} on day ${day}`);
      playDay({ world, corpus, repository, random, counters, emit }, day);
    }
  }
  return activities.sort((a, b) => a.at - b.at).slice(0, count);
}

function playDay(stage: Stage, day: number): void {
  const { random, repository } = stage;
  const pace = (repository.pace * (isWeekend(day) ? weekendPercent : 100)) / 100;
  for (const [play, perHundredDays] of scenarios) {
    for (let chances = 0; chances < 3; chances++) {
      if (random.int(30_000) >= perHundredDays * pace) continue;
      play(stage, day * secondsPerDay + random.between(workFrom, workTo));
    }
  }
}
