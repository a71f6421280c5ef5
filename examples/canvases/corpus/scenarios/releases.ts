import { proseOf } from "../texts.ts";
import { play, type Stage } from "./stage.ts";

/** A version is published; GitHub tells it three times. */
export function playRelease(stage: Stage, at: number): void {
  const { random, world, repository, counters, corpus } = stage;
  const version = counters.nextRunNumber(repository, "release");
  const tag = `v${1 + Math.floor(version / 20)}.${version % 20}.0`;
  const stream = `release/${repository.id}/${tag}`;
  const actor = random.pick(world.actors);
  const facts = { title: `${repository.name} ${tag}`, body: proseOf(stream, corpus.sentences) };
  for (const action of ["created", "published", "released"]) {
    play(stage, { at, stream, event: "release", action, actor, facts });
  }
}
