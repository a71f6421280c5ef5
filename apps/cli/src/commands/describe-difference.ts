import type { Difference, RootDifference } from "@headstart/fingerprint";
import { printable } from "../output/format.ts";

/** Files of a root that are named, of each kind of change; the rest is counted. */
const shown = 20;

/** What changed, by root, in lines: `~` changed, `+` added, `-` removed, `>` renamed. */
export function describeDifference({ roots, inputs }: Difference): string[] {
  const lines: string[] = [];
  for (const [root, difference] of roots) {
    lines.push(`${printable(root)}: ${summary(difference)}`);
    lines.push(...describeFiles(difference).map((line) => `  ${line}`));
  }
  return [...lines, ...inputs.map(describeInput)];
}

/** The same for programs: everything, whatever its length. */
export function differenceJson({ roots, inputs }: Difference): object {
  return { roots: Object.fromEntries(roots), inputs };
}

function describeFiles({ added, removed, changed, renamed }: RootDifference): string[] {
  return [
    ...shorten("changed", changed, (path) => `~ ${printable(path)}`),
    ...shorten("added", added, (path) => `+ ${printable(path)}`),
    ...shorten("removed", removed, (path) => `- ${printable(path)}`),
    ...shorten("renamed", renamed, ({ from, to }) => `> ${printable(from)} is now ${printable(to)}`),
  ];
}

function shorten<T>(word: string, items: readonly T[], describe: (item: T) => string): string[] {
  const more = items.length - shown;
  return [...items.slice(0, shown).map(describe), ...(more > 0 ? [`… and ${more} more ${word}`] : [])];
}

function summary({ changed, added, removed, renamed }: RootDifference): string {
  const counts = { changed, added, removed, renamed };
  const parts = Object.entries(counts).filter(([, list]) => list.length > 0);
  return parts.map(([word, list]) => `${list.length} ${word}`).join(", ");
}

/** Inputs that are no files, in the words of the configuration. */
function describeInput(input: string): string {
  if (input.startsWith("env/")) return `environment: ${printable(input.slice(4))} has another value`;
  const words: Readonly<Record<string, string>> = {
    version: "version: the target's version was changed",
    build: "build: the build's command or function was changed",
    strip: "strip: the strip rules were changed",
    require: "require: the requirements were changed",
    target: "name: the target was renamed",
  };
  return words[input] ?? `${printable(input)}: changed`;
}
