import { createRandom, type Random } from "./random.ts";

const actions = [
  "Add",
  "Avoid",
  "Cache",
  "Document",
  "Drop",
  "Fix",
  "Limit",
  "Move",
  "Retry",
  "Simplify",
  "Test",
];
const parts = [
  "the login redirect",
  "pagination of search results",
  "the export of canvases",
  "webhook signatures",
  "the connection pool",
  "dark mode colours",
  "time zones in reports",
  "the upload queue",
  "keyboard navigation",
  "the nightly import",
  "error messages",
  "rate limits",
  "the invoice template",
  "avatars in comments",
  "the search index",
  "feature flags",
];
const circumstances = [
  "after a restart",
  "behind a proxy",
  "for archived repositories",
  "for large teams",
  "in Safari",
  "on slow networks",
  "when the token expires",
  "when two people edit",
  "with empty input",
  "without a session",
];

/** Texts are a function of what they belong to, so whoever knows the subject knows its words. */
export function titleOf(subject: string): string {
  const random = createRandom(`title of ${subject}`);
  const title = `${random.pick(actions)} ${random.pick(parts)}`;
  return random.chance(60) ? `${title} ${random.pick(circumstances)}` : title;
}

/** Between one and three sentences of the corpus. */
export function proseOf(subject: string, sentences: readonly string[]): string {
  const random = createRandom(`prose of ${subject}`);
  return Array.from({ length: random.between(1, 3) }, () => pickSentence(random, sentences)).join(" ");
}

/** Sentences are not equally common: people repeat themselves. */
function pickSentence(random: Random, sentences: readonly string[]): string {
  const reach = random.chance(70) ? Math.min(60, sentences.length) : sentences.length;
  return sentences[random.int(reach)] as string;
}
