import type { Difference } from "@headstart/fingerprint";
import { printable } from "../output/format.ts";

/** Files of a root that are named; the rest is counted. */
const shown = 20;

/** What changed, by root, in lines: `+` added, `-` removed, `~` changed, `>` renamed. */
export function describeDifference({ roots, inputs }: Difference): string[] {
  const lines: string[] = [];
  for (const [root, { added, removed, changed, renamed }] of roots) {
    const all = [
      ...changed.map((path) => `~ ${printable(path)}`),
      ...added.map((path) => `+ ${printable(path)}`),
      ...removed.map((path) => `- ${printable(path)}`),
      ...renamed.map(({ from, to }) => `> ${printable(from)} is now ${printable(to)}`),
    ];
    lines.push(`${printable(root)}: ${summary({ added, removed, changed, renamed })}`);
    lines.push(...all.slice(0, shown).map((line) => `  ${line}`));
    if (all.length > shown) lines.push(`  … and ${all.length - shown} more`);
  }
  return [...lines, ...inputs.map(describeInput)];
}

function summary(counts: Record<"added" | "removed" | "changed" | "renamed", readonly unknown[]>): string {
  const parts = Object.entries(counts).filter(([, list]) => list.length > 0);
  return parts.map(([word, list]) => `${list.length} ${word}`).join(", ");
}

/** Inputs that are no files, in the words of the configuration. */
function describeInput(input: string): string {
  if (input.startsWith("env/")) return `environment: the value of ${printable(input.slice(4))} is another`;
  const words: Readonly<Record<string, string>> = {
    version: "version: the target's version was changed",
    build: "build: the build's command or function was changed",
    strip: "strip: the strip rules were changed",
    target: "name: the target was renamed",
  };
  return words[input] ?? `${printable(input)}: changed`;
}
