import { expect, test } from "vitest";
import { readCorpus } from "../../corpus/read-corpus.ts";
import { simulate } from "../../corpus/simulate.ts";
import { createWorld } from "../../corpus/world.ts";

const world = createWorld();
const corpus = readCorpus();

test("tells the same story every time", () => {
  expect(simulate(world, corpus, 2_000)).toEqual(simulate(createWorld(), readCorpus(), 2_000));
});

test("tells a shorter story as the beginning of a longer one", () => {
  const long = simulate(world, corpus, 30_000);
  for (const count of [1, 999, 12_345]) expect(simulate(world, corpus, count)).toEqual(long.slice(0, count));
});

test("keeps to the order of time, and opens every stream with its opening", () => {
  const opened = new Set<string>();
  let last = 0;
  for (const { at, stream, event, action } of simulate(world, corpus, 30_000)) {
    expect(at).toBeGreaterThanOrEqual(last);
    last = at;
    if (opened.has(stream) || stream.startsWith("repository/") || stream === "github") continue;
    opened.add(stream);
    expect(["requested", "opened", "created"], `${stream} begins with ${event}.${action}`).toContain(action);
  }
});

test("lets every kind of event happen that the corpus knows", () => {
  const told = new Set(simulate(world, corpus, 205_000).map((activity) => activity.event));
  expect([...told].sort()).toEqual([...new Set(corpus.examples.map((example) => example.event))].sort());
});
