import { Composer, isScalar, Lexer, Parser, type Document, type ParsedNode } from "yaml";
import type { Findings } from "./findings.ts";

/** A token costs time and memory whether a value comes of it or not. A key with its value has up to eight. */
const tokensPerNode = 4;

/**
 * The one document of a YAML 1.2 text as the parser's nodes, or undefined where the text is only comments. The
 * parser is driven token by token, because its last stage calls itself for every level: nesting is refused before.
 */
export function composeYaml(text: string, findings: Findings, base: number): ParsedNode | undefined {
  const { maxNodes, maxDepth } = findings.limits;
  const stream = documentStream(text, findings, base);
  const parser = new Parser();
  let tokens = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (++tokens > maxNodes * tokensPerNode) {
      findings.stop("too-many-nodes", base + parser.offset, `the document has more than ${maxNodes} values`);
    }
    for (const token of parser.next(lexeme)) {
      stream.take(token);
    }
    // The document and the scalar being read stand on the stack as well.
    if (parser.stack.length > maxDepth + 4) {
      findings.stop("too-deep", base + parser.offset, `lists and maps are nested more than ${maxDepth} deep`);
    }
  }
  for (const token of parser.end()) {
    stream.take(token);
  }
  return stream.end(text.length);
}

type Token = Parameters<Composer["next"]>[0];

function documentStream(text: string, findings: Findings, base: number) {
  const composer = new Composer({
    version: "1.2",
    schema: "core",
    merge: false,
    // Its own check compares every key with every other one.
    uniqueKeys: false,
    prettyErrors: false,
    resolveKnownTags: false,
    logLevel: "silent",
  });
  let begun = false;
  let refused = 0;
  let contents: ParsedNode | undefined;

  function keep(document: Document.Parsed): void {
    let nextLine = 0;
    for (const { code, pos, message } of document.errors) {
      // What follows an error on its line is mostly of its making.
      if (pos[0] >= nextLine) {
        findings.error(codeOf(code), base + pos[0], lowerFirst(message));
        nextLine = endOfLine(text, pos[0]);
      }
    }
    if (document.contents !== null && !isAbsent(document.contents)) {
      contents = document.contents;
    }
  }

  return {
    take(token: Token): void {
      // Each of these becomes an error of its own with a stack trace.
      if ((token.type === "error" || token.type === "directive") && ++refused > findings.limits.maxProblems) {
        findings.stop(
          "too-many-errors",
          base + token.offset,
          "the rest of the file is not read: too much is wrong so far",
        );
      }
      if (token.type === "directive") {
        checkVersion(token.source, base + token.offset, findings);
      }
      if (token.type === "document") {
        if (begun) {
          findings.stop(
            "yaml-documents",
            base + token.offset,
            "a second document begins here: a file holds one",
          );
        }
        begun = true;
      }
      for (const document of composer.next(token)) {
        keep(document);
      }
    },
    end(length: number): ParsedNode | undefined {
      for (const document of composer.end(true, length)) {
        keep(document);
      }
      return contents;
    },
  };
}

function endOfLine(text: string, offset: number): number {
  const end = text.indexOf("\n", offset);
  return end === -1 ? text.length + 1 : end + 1;
}

function isAbsent(node: ParsedNode): boolean {
  return isScalar(node) && node.value === null && !node.source && !node.tag && !node.anchor;
}

function checkVersion(directive: string, offset: number, findings: Findings): void {
  const version = /^%YAML[ \t]+(\S+)/.exec(directive)?.[1];
  if (version !== undefined && version !== "1.2") {
    findings.error("yaml-version", offset, `files are read as YAML 1.2: take \`%YAML ${version}\` away`);
  }
}

/** `BAD_INDENT` to `yaml-bad-indent`. */
function codeOf(code: string): string {
  return `yaml-${code.toLowerCase().replaceAll("_", "-")}`;
}

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
