import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { slimDelivery, type Json, type JsonObject } from "./slim-delivery.ts";

/** A real delivery that GitHub made, without what any client can compute for itself. */
export interface Example {
  readonly event: string;
  readonly action: string | undefined;
  readonly body: JsonObject;
}

export interface Kind {
  readonly event: string;
  readonly action: string | undefined;
  /** Whether it happened in a repository; to some kinds of event both happens. */
  readonly local: boolean;
}

export interface Corpus {
  readonly examples: readonly Example[];
  /** Examples of an event with that action, or, where the corpus has none, of the event. */
  examplesOf(kind: Kind): readonly Example[];
  /** Plain sentences that occur in the corpus, each once. */
  readonly sentences: readonly string[];
}

interface Section {
  readonly name: string;
  readonly description: string;
  readonly properties: Json;
  readonly examples: readonly JsonObject[];
}

/** Reads the payloads that the octokit community collected: 58 kinds of event, 329 deliveries. */
export function readCorpus(): Corpus {
  const file = createRequire(import.meta.url).resolve("@octokit/webhooks-examples");
  const sections = JSON.parse(readFileSync(file, "utf8")) as readonly Section[];
  const examples = sections
    .flatMap((section) => section.examples.map((body) => ({ event: section.name, body })))
    .map(({ event, body }) => {
      const action = typeof body["action"] === "string" ? body["action"] : undefined;
      return { event, action, body: slimDelivery(body) };
    });
  const byKind = new Map<string, Example[]>();
  for (const example of examples) {
    const { event, action, body } = example;
    const local = "repository" in body;
    push(byKind, keyOf({ event, action, local }), example);
    if (action !== undefined) push(byKind, keyOf({ event, action: undefined, local }), example);
  }
  return {
    examples,
    examplesOf: (kind) => {
      const found = byKind.get(keyOf(kind)) ?? byKind.get(keyOf({ ...kind, action: undefined }));
      if (!found) throw new RangeError(`the corpus has no example of "${kind.event}"`);
      return found;
    },
    sentences: collectSentences(sections),
  };
}

function keyOf({ event, action = "", local }: Kind): string {
  return `${event}.${action}.${local}`;
}

function push(map: Map<string, Example[]>, key: string, example: Example): void {
  const known = map.get(key);
  if (known) known.push(example);
  else map.set(key, [example]);
}

const proseKeys = new Set(["description", "body", "message", "title", "summary", "note", "zen"]);

function collectSentences(sections: readonly Section[]): string[] {
  const sentences = new Set<string>();
  const visit = (value: Json | undefined, key: string): void => {
    if (typeof value === "string") {
      if (proseKeys.has(key)) for (const sentence of plainSentences(value)) sentences.add(sentence);
    } else if (Array.isArray(value)) {
      for (const item of value) visit(item, key);
    } else if (value !== null && typeof value === "object") {
      for (const [name, item] of Object.entries(value)) visit(item, name);
    }
  };
  for (const section of sections) {
    visit(section.description, "description");
    visit(section.properties, "properties");
    for (const body of section.examples) visit(body, "example");
  }
  return [...sentences];
}

function plainSentences(text: string): string[] {
  return text
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .split(/(?<=[.!?])\s+|\r?\n/)
    .map((sentence) => sentence.replace(/[`*"\\]/g, "").trim())
    .filter((sentence) => /^[A-Z][ -~]{18,118}[.!?]$/.test(sentence));
}
