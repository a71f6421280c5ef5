import { parse, type ObjectNode, type StringNode, type ValueNode } from "@humanwhocodes/momoa";
import type { Findings } from "./findings.ts";
import type { Json } from "./json.ts";
import { nodeBudget, shortened, type NodeBudget } from "./node-budget.ts";
import type { SourceMember, SourceNode } from "./source-node.ts";

/** JSON as RFC 8259 has it: no comments, no trailing commas, no raw control characters in strings. */
export function readJson(text: string, findings: Findings): SourceNode {
  const open = checkNesting(text, findings);
  const reader = new JsonReader(text, findings);
  return reader.read(parseJson(text, findings, open > 0), 0);
}

/** The parser calls itself for every level, so the depth is known before it starts. Returns what is left open. */
function checkNesting(text: string, findings: Findings): number {
  const budget = nodeBudget(findings);
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"?|[[\]{},]/gs)) {
    if (token === "[" || token === "{") {
      budget.depth(index, ++depth);
    } else if (token === "]" || token === "}") {
      depth--;
    } else if (token === ",") {
      budget.spend(index, { nodes: 1, characters: 0 });
    }
  }
  return depth;
}

interface ParseFailure {
  message: string;
  offset: number;
}

function parseJson(text: string, findings: Findings, unclosed: boolean): ValueNode {
  try {
    return parse(text, { mode: "json", ranges: true }).body;
  } catch (error) {
    if (!isParseFailure(error)) {
      throw error;
    }
    const rest = text.slice(error.offset);
    // The end of the text is reported with the offset 0, or as the last token.
    const ended = error.message.startsWith("Unexpected end of input");
    if (ended || rest.trim() === "" || (unclosed && lastToken.test(rest))) {
      return findings.stop("json-syntax", text.trimEnd().length, "the file ends in the middle of a value");
    }
    return findings.stop(
      "json-syntax",
      error.offset,
      `\`${shortened(firstToken(rest))}\` is not expected here`,
    );
  }
}

const lastToken = /^(?:"[^"\\]*(?:\\.[^"\\]*)*"?|[^\s[\]{},:"]+|[[\]{},:])\s*$/s;

function firstToken(text: string): string {
  return /^(?:[^\s[\]{},:"]+|.)/su.exec(text)?.[0] ?? "";
}

function isParseFailure(error: unknown): error is ParseFailure {
  return error instanceof Error && "offset" in error && typeof error.offset === "number";
}

class JsonReader {
  readonly #text: string;
  readonly #findings: Findings;
  readonly #budget: NodeBudget;

  constructor(text: string, findings: Findings) {
    this.#text = text;
    this.#findings = findings;
    this.#budget = nodeBudget(findings);
  }

  read(node: ValueNode, depth: number): SourceNode {
    const offset = start(node);
    this.#budget.spend(offset, { nodes: 1, characters: 0 });
    switch (node.type) {
      case "Object":
        this.#budget.depth(offset, depth + 1);
        return this.#object(node, depth + 1);
      case "Array": {
        this.#budget.depth(offset, depth + 1);
        const items = node.elements.map((element) => this.read(element.value, depth + 1));
        return { value: items.map(({ value }) => value), offset, items };
      }
      case "String":
        return { value: this.#string(node), offset };
      case "Number":
        return { value: this.#budget.number(offset, node.value, this.#raw(node)), offset };
      case "Boolean":
        return { value: node.value, offset };
      case "Null":
        return { value: null, offset };
      default:
        return this.#findings.stop("json-syntax", offset, `\`${shortened(this.#raw(node))}\` is no JSON`);
    }
  }

  #object(node: ObjectNode, depth: number): SourceNode {
    const value: { [key: string]: Json } = {};
    const members = new Map<string, SourceMember>();
    for (const { name, value: child } of node.members) {
      const keyOffset = start(name);
      if (name.type !== "String") {
        return this.#findings.stop("json-syntax", keyOffset, "a key is written in double quotes");
      }
      const key = this.#string(name);
      const read = this.read(child, depth);
      if (members.has(key)) {
        this.#findings.error(
          "duplicate-key",
          keyOffset,
          `\`${shortened(key)}\` is already a key of this object`,
        );
      } else if (this.#budget.key(keyOffset, key)) {
        members.set(key, { keyOffset, node: read });
        value[key] = read.value;
      }
    }
    return { value, offset: start(node), members };
  }

  #string(node: StringNode): string {
    const raw = this.#raw(node);
    const control = controlCharacter(raw);
    if (control !== -1) {
      const code = raw.charCodeAt(control).toString(16).toUpperCase().padStart(4, "0");
      this.#findings.error(
        "json-syntax",
        start(node) + control,
        `a string cannot hold U+${code} as it is: write \\u${code}`,
      );
    }
    this.#budget.text(start(node), node.value);
    return node.value;
  }

  #raw(node: ValueNode): string {
    return this.#text.slice(...node.range!);
  }
}

/** The parser lets these pass, which the standard does not. */
function controlCharacter(raw: string): number {
  let index = 0;
  while (raw.charCodeAt(index) >= 0x20) {
    index++;
  }
  return index < raw.length ? index : -1;
}

function start(node: { range?: [number, number] | undefined }): number {
  return node.range![0];
}
