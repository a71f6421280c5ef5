import type { Difference, RootDifference } from "@headstart/fingerprint";
import { printable } from "../output/format.ts";

/** Files of a root that are named; the rest is counted. */
const shown = 20;

/** What changed, by root, in lines: `+` added, `-` removed, `~` changed, `>` renamed. */
export function describeDifference({ roots, inputs }: Difference): string[] {
  const lines: string[] = [];
  for (const [root, difference] of roots) {
    const files = describeFiles(difference);
    lines.push(`${printable(root)}: ${summary(difference)}`);
    lines.push(...files.slice(0, shown).map((line) => `  ${line}`));
    if (files.length > shown) lines.push(`  … and ${files.length - shown} more`);
  }
  return [...lines, ...inputs.map(describeInput)];
}

/** The same for programs: everything, whatever its length. */
export function differenceJson({ roots, inputs }: Difference): object {
  return { roots: Object.fromEntries(roots), inputs };
}

function describeFiles({ added, removed, changed, renamed }: RootDifference): string[] {
  return [
    ...changed.map((path) => `~ ${printable(path)}`),
    ...added.map((path) => `+ ${printable(path)}`),
    ...removed.map((path) => `- ${printable(path)}`),
    ...renamed.map(({ from, to }) => `> ${printable(from)} is now ${printable(to)}`),
  ];
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
