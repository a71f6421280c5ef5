import { expect, test } from "vitest";
import { readCorpus } from "../../corpus/read-corpus.ts";

const corpus = readCorpus();

test("holds every payload of the npm package", () => {
  expect(corpus.examples).toHaveLength(329);
  expect(new Set(corpus.examples.map((example) => example.event)).size).toBe(58);
});

test("keeps what a delivery says of its subject, and of people and places only who they are", () => {
  const [run] = corpus.examplesOf({ event: "workflow_run", action: "completed", local: true });
  expect(run?.body["workflow_run"]).toMatchObject({
    run_attempt: 1,
    run_number: expect.any(Number) as number,
  });
  expect(Object.keys(run?.body["sender"] ?? {})).toEqual(["id", "login", "type"]);
  expect(JSON.stringify(run?.body)).not.toContain('_url":"https://api.github.com');
});

test("falls back to another action of the event where the corpus lacks one", () => {
  const kind = { event: "pull_request", action: "no such action", local: true };
  expect(corpus.examplesOf(kind).every((example) => example.event === "pull_request")).toBe(true);
  expect(() => corpus.examplesOf({ ...kind, event: "no_such_event" })).toThrow(
    'no example of "no_such_event"',
  );
});

test("finds plain sentences, each once", () => {
  expect(corpus.sentences.length).toBeGreaterThan(250);
  expect(new Set(corpus.sentences).size).toBe(corpus.sentences.length);
});
