import type { Findings } from "./findings.ts";
import type { Json } from "./json.ts";
import { unstorableCharacter } from "./storable.ts";

/** What one value adds to its document, everything inside it included. */
export interface Weight {
  nodes: number;
  characters: number;
}

/** Holds a document to its limits while it is read, and every text in it to what can be stored. */
export interface NodeBudget {
  readonly spent: Readonly<Weight>;
  spend(offset: number, weight: Weight): void;
  /** Counts a key or a text and reports what `jsonb` cannot keep. */
  text(offset: number, text: string): void;
  /** `raw` is the number as it is written. */
  number(offset: number, value: number, raw: string): Json;
  depth(offset: number, depth: number): void;
  /** False for a key that must not become one, which is then reported. */
  key(offset: number, key: string): boolean;
}

const integer = /^[-+]?(?:\d+|0o[0-7]+|0x[\da-fA-F]+)$/;

export function nodeBudget(findings: Findings): NodeBudget {
  const { maxNodes, maxBytes, maxDepth } = findings.limits;
  const spent: Weight = { nodes: 0, characters: 0 };

  function spend(offset: number, { nodes, characters }: Weight): void {
    spent.nodes += nodes;
    spent.characters += characters;
    if (spent.nodes > maxNodes) {
      findings.stop(
        "too-many-nodes",
        offset,
        `the document has more than ${maxNodes} values, aliases written out`,
      );
    }
    if (spent.characters > maxBytes) {
      findings.stop(
        "too-large",
        offset,
        `with its aliases written out the document exceeds ${maxBytes} characters`,
      );
    }
  }

  return {
    spent,
    spend,
    text(offset, text) {
      spend(offset, { nodes: 0, characters: text.length });
      const character = unstorableCharacter(text);
      if (character !== undefined) {
        findings.error(
          "unstorable-character",
          offset,
          `this text holds ${character}, which a database cannot store`,
        );
      }
    },
    number(offset, value, raw) {
      if (!Number.isFinite(value)) {
        findings.error(
          "not-finite",
          offset,
          `${shortened(raw)} is no finite number: write it in quotes to keep it`,
        );
      } else if (integer.test(raw) && !Number.isSafeInteger(value)) {
        findings.error(
          "unsafe-number",
          offset,
          `${shortened(raw)} is an integer beyond ±(2^53 − 1) and would lose digits: write it in quotes to keep it`,
        );
      }
      // Negative zero is a number of its own in memory but not in JSON.
      return value + 0;
    },
    depth(offset, depth) {
      if (depth > maxDepth) {
        findings.stop("too-deep", offset, `lists and maps are nested more than ${maxDepth} deep`);
      }
    },
    key(offset, key) {
      if (key === "__proto__") {
        findings.error(
          "forbidden-key",
          offset,
          "`__proto__` is refused as a key: programs take it for an object's class",
        );
      }
      return key !== "__proto__";
    },
  };
}

export function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
