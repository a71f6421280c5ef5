import {
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type Alias,
  type Pair,
  type ParsedNode,
  type Scalar,
  type YAMLMap,
} from "yaml";
import { composeYaml } from "./compose-yaml.ts";
import type { Findings } from "./findings.ts";
import type { Json } from "./json.ts";
import { nodeBudget, shortened, type NodeBudget, type Weight } from "./node-budget.ts";
import type { SourceMember, SourceNode } from "./source-node.ts";

/**
 * One YAML 1.2 document (core schema), or undefined where there is none or it cannot be made out. `base` is added to
 * every offset: where `text` begins in its file.
 */
export function readYaml(text: string, findings: Findings, base = 0): SourceNode | undefined {
  const contents = composeYaml(text, findings, base);
  return contents === undefined || findings.failed
    ? undefined
    : new YamlReader(findings, base).read(contents, 0).node;
}

/** A value read, and how many levels it has. */
interface Read {
  node: SourceNode;
  height: number;
}

interface Anchored extends Read {
  weight: Weight;
}

/** What the core schema gives a meaning to; `!` alone says that a scalar is text. */
const coreTags = new Map<string, (node: ParsedNode) => boolean>([
  ["!", isScalar],
  ["tag:yaml.org,2002:map", isMap],
  ["tag:yaml.org,2002:seq", isSeq],
  ["tag:yaml.org,2002:str", (node) => isScalar(node) && typeof node.value === "string"],
  ["tag:yaml.org,2002:int", (node) => isScalar(node) && Number.isInteger(node.value)],
  ["tag:yaml.org,2002:float", (node) => isScalar(node) && typeof node.value === "number"],
  ["tag:yaml.org,2002:bool", (node) => isScalar(node) && typeof node.value === "boolean"],
  ["tag:yaml.org,2002:null", (node) => isScalar(node) && node.value === null],
]);

class YamlReader {
  readonly #findings: Findings;
  readonly #budget: NodeBudget;
  readonly #base: number;
  /** By name; null while the anchored value is being read. A name may be given again. */
  readonly #anchors = new Map<string, Anchored | null>();
  #aliases = 0;

  constructor(findings: Findings, base: number) {
    this.#findings = findings;
    this.#budget = nodeBudget(findings);
    this.#base = base;
  }

  read(node: ParsedNode, depth: number): Read {
    if (isAlias(node)) {
      return this.#alias(node, depth);
    }
    const { anchor } = node;
    if (anchor === undefined) {
      return this.#value(node, depth);
    }
    const before = { ...this.#budget.spent };
    this.#anchors.set(anchor, null);
    const read = this.#value(node, depth);
    const { nodes, characters } = this.#budget.spent;
    const weight = { nodes: nodes - before.nodes, characters: characters - before.characters };
    this.#anchors.set(anchor, { ...read, weight });
    return read;
  }

  /** The value stays shared, so that a bomb of aliases costs nothing before its weight is refused. */
  #alias(alias: Alias.Parsed, depth: number): Read {
    const offset = this.#offset(alias);
    const { maxAliases } = this.#findings.limits;
    if (++this.#aliases > maxAliases) {
      this.#findings.stop("too-many-aliases", offset, `the document has more than ${maxAliases} aliases`);
    }
    const target = this.#anchors.get(alias.source);
    if (!target) {
      const name = shortened(alias.source);
      if (target === null) {
        this.#findings.error("alias-cycle", offset, `\`*${name}\` stands inside the value that it repeats`);
      } else {
        this.#findings.error("alias-unknown", offset, `no \`&${name}\` comes before this alias`);
      }
      return { node: { value: null, offset }, height: 0 };
    }
    this.#budget.spend(offset, target.weight);
    this.#budget.depth(offset, depth + target.height);
    return { node: { ...target.node, offset }, height: target.height };
  }

  #value(node: Exclude<ParsedNode, Alias.Parsed>, depth: number): Read {
    const offset = this.#offset(node);
    this.#budget.spend(offset, { nodes: 1, characters: 0 });
    this.#checkTag(node);
    if (!isCollection(node)) {
      return { node: { value: this.#scalar(node), offset }, height: 0 };
    }
    this.#budget.depth(offset, depth + 1);
    if (isMap(node)) {
      return this.#map(node, offset, depth + 1);
    }
    let height = 0;
    const items = node.items.map((item) => {
      const read = this.read(item as ParsedNode, depth + 1);
      height = Math.max(height, read.height);
      return read.node;
    });
    return { node: { value: items.map(({ value }) => value), offset, items }, height: height + 1 };
  }

  #map(map: YAMLMap, offset: number, depth: number): Read {
    const value: { [key: string]: Json } = {};
    const members = new Map<string, SourceMember>();
    let height = 0;
    for (const pair of map.items as Pair<ParsedNode, ParsedNode | null>[]) {
      const keyOffset = this.#offset(pair.key);
      const key = this.#key(pair.key, keyOffset);
      const read = pair.value === null ? absent(keyOffset) : this.read(pair.value, depth);
      height = Math.max(height, read.height);
      if (key === undefined) {
        continue;
      }
      if (members.has(key)) {
        this.#findings.error(
          "duplicate-key",
          keyOffset,
          `\`${shortened(key)}\` is already a key of this map`,
        );
      } else {
        members.set(key, { keyOffset, node: read.node });
        value[key] = read.node.value;
      }
    }
    return { node: { value, offset, members }, height: height + 1 };
  }

  /** A key is the text that stands there, so `404` and `"404"` are the same one. */
  #key(node: ParsedNode, offset: number): string | undefined {
    if (!isScalar(node) || (node.value === null && !node.source)) {
      this.#findings.error("yaml-key", offset, "a key has to be one piece of text");
      return undefined;
    }
    if (node.type === "PLAIN" && node.source === "<<") {
      this.#findings.error("merge-key", offset, "YAML 1.2 has no merge keys: write the merged keys out");
      return undefined;
    }
    this.#checkTag(node);
    const key = typeof node.value === "string" ? node.value : (node.source ?? String(node.value));
    this.#budget.text(offset, key);
    if (node.anchor !== undefined) {
      const weight = { nodes: 1, characters: key.length };
      this.#anchors.set(node.anchor, { node: { value: key, offset }, height: 0, weight });
    }
    return this.#budget.key(offset, key) ? key : undefined;
  }

  #scalar(node: Scalar.Parsed): Json {
    const { value, source } = node;
    const offset = this.#offset(node);
    switch (typeof value) {
      case "string":
        this.#budget.text(offset, value);
        if (node.type === "PLAIN" && /^(?:yes|no|on|off)$/i.test(value)) {
          this.#ambiguous(offset, `\`${value}\` is text in YAML 1.2 and a truth value in YAML 1.1`);
        }
        return value;
      case "number":
        if (/^[-+]?0\d/.test(source) && !/[.eE]/.test(source)) {
          this.#ambiguous(offset, `\`${shortened(source)}\` is decimal in YAML 1.2 and octal in YAML 1.1`);
        }
        return this.#budget.number(offset, value, source);
      case "boolean":
        return value;
      default:
        return null;
    }
  }

  #checkTag(node: Exclude<ParsedNode, Alias.Parsed>): void {
    const { tag } = node;
    if (tag === undefined) {
      return;
    }
    const fits = coreTags.get(tag);
    if (!fits?.(node)) {
      const why = fits === undefined ? "has no meaning here" : "does not fit this value";
      this.#findings.error(
        "yaml-tag",
        this.#offset(node),
        `the tag \`${shortened(tag)}\` ${why}: take it away`,
      );
    }
  }

  #ambiguous(offset: number, message: string): void {
    this.#findings.warn("ambiguous-scalar", offset, `${message}: quote it, or write it in another way`);
  }

  #offset(node: ParsedNode): number {
    return this.#base + node.range[0];
  }
}

function absent(offset: number): Read {
  return { node: { value: null, offset }, height: 0 };
}
