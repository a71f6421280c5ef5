import type { Findings } from "./findings.ts";
import type { Json } from "./json.ts";
import { nodeBudget } from "./node-budget.ts";
import { readYaml } from "./read-yaml.ts";
import type { SourceNode } from "./source-node.ts";

/** What `format: "markdown"` makes of a file. The text is left as it is: what to read out of it is the projector's. */
export interface MarkdownDocument<FrontMatter = unknown> {
  frontMatter: FrontMatter;
  /** Everything after the front matter, line ends as they are. */
  body: string;
  /** The line of the file, from 1, on which `body` begins. */
  bodyLine: number;
}

export interface MarkdownSource {
  /** An empty map where the file has no front matter. */
  frontMatter: SourceNode;
  body: SourceNode;
  bodyLine: number;
}

const fence = /^---[ \t]*(?:\r\n|\n|\r|$)/;
const closingFence = /(?<![^\r\n])---[ \t]*(?:\r\n|\n|\r|$)/;

/** YAML front matter between lines of `---`, of which the first is the first of the file. */
export function readMarkdown(text: string, findings: Findings): MarkdownSource {
  const opening = fence.exec(text)?.[0];
  if (opening === undefined) {
    return withBody(text, 0, { value: {}, offset: 0, members: new Map() }, findings);
  }
  const rest = text.slice(opening.length);
  const closing = closingFence.exec(rest);
  if (closing === null) {
    return findings.stop(
      "front-matter-unclosed",
      0,
      "no second line of `---` ends this front matter; a text that begins with a rule writes it as `***`",
    );
  }
  const yaml = rest.slice(0, closing.index);
  const frontMatter = readYaml(yaml, findings, opening.length) ?? {
    value: {},
    offset: opening.length,
    members: new Map(),
  };
  return withBody(text, opening.length + closing.index + closing[0].length, frontMatter, findings);
}

function withBody(text: string, start: number, frontMatter: SourceNode, findings: Findings): MarkdownSource {
  const body = text.slice(start);
  nodeBudget(findings).text(start, body);
  const bodyLine = (text.slice(0, start).match(/\r\n|\n|\r/g)?.length ?? 0) + 1;
  return { frontMatter, body: { value: body satisfies Json, offset: start }, bodyLine };
}
