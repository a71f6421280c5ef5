import { createHash } from "node:crypto";
import type { ContentIssue, Json, Parsed, Projector, Row } from "../../src/projector/projector.ts";

/**
 * A projector written by hand against the interface: every `notes/<unit>/<name>.json` is `{ text, links? }`; a unit
 * has one row a note, and a link to a note that its unit does not have is an error.
 */
export function notesProjector({
  revision = "1",
  policy = "strict",
}: { revision?: string; policy?: "strict" | "lenient" } = {}): Projector {
  return {
    name: "notes",
    revision,
    identity: createHash("sha256").update(`notes ${revision} ${policy}`).digest("hex"),
    policy,
    select: (path) => {
      const match = /^notes\/([^/]+)\/.*\.json$/s.exec(path);
      return match?.[1] === undefined ? null : { kind: "note", unit: match[1] };
    },
    parse: (bytes) => parseNote(Buffer.from(bytes).toString("utf8"), revision),
    assemble: (unit, files) => {
      const issues: ContentIssue[] = [];
      const names = new Set(files.map((file) => file.path.slice(`notes/${unit}/`.length, -".json".length)));
      const rows: Row[] = files.map(({ path, document }) => {
        const note = document as { text: string; links: string[]; revision: string };
        for (const link of note.links.filter((name) => !names.has(name))) {
          const message = `There is no note ${link}.`;
          issues.push({ path, line: 1, column: 1, code: "broken-link", message, severity: "error" });
        }
        return { collection: "note", key: path.slice("notes/".length), data: note };
      });
      return { rows, issues };
    },
  };
}

function parseNote(text: string, revision: string): Parsed {
  try {
    const note = JSON.parse(text) as { text: Json; links?: string[] };
    return { document: { text: note.text, links: note.links ?? [], revision }, problems: [] };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { problems: [{ line: 1, column: 1, code: "json", message, severity: "error" }] };
  }
}
