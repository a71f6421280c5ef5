import type { ContentIssue, Projector, Row, UnitFile } from "../projector/projector.ts";
import type { Documents } from "./read-documents.ts";
import { whole, type SelectedFile } from "./selected-file.ts";

/** One unit of a projection: its files, the rows they make and what is wrong with them. */
export interface AssembledUnit {
  readonly unit: string;
  readonly files: readonly SelectedFile[];
  readonly rows: readonly Row[];
  readonly issues: readonly ContentIssue[];
}

/** Files with an error are left out of the rows; whether that blocks the version is the policy's decision. */
export function assembleUnit(
  projector: Projector,
  unit: string,
  { files, documents }: { files: readonly SelectedFile[]; documents: Documents },
): AssembledUnit {
  const issues: ContentIssue[] = [];
  const good: UnitFile[] = [];
  for (const file of files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const { document, problems } =
      file.problem === undefined ? documents.of(file) : { problems: [file.problem] };
    issues.push(...problems.map((problem) => ({ ...problem, path: file.path })));
    if (document === undefined) continue;
    const { path, kind, oid, mode } = file;
    good.push({ path, kind, oid, mode, document });
  }
  const assembled = projector.assemble(unit, good);
  issues.push(...assembled.issues);
  const rows = storableRows(assembled.rows, { issues, path: good[0]?.path ?? unit });
  return { unit, files, rows, issues };
}

/** Takes out rows that Postgres cannot hold and rows of a key that is taken, each with an issue that says so. */
function storableRows(
  rows: readonly Row[],
  { issues, path }: { issues: ContentIssue[]; path: string },
): readonly Row[] {
  const taken = new Set<string>();
  return rows.filter((row) => {
    const name = `${row.collection} ${JSON.stringify(row.key)}`;
    const text = JSON.stringify([row.collection, row.key, row.data]);
    if (UNSTORABLE.test(text)) {
      issues.push({
        ...whole("unstorable-character", `A row of ${row.collection} holds a NUL or half a surrogate pair.`),
        path,
      });
      return false;
    }
    if (bytes(row.key) > MAX_KEY_BYTES || bytes(row.collection) > MAX_KEY_BYTES) {
      issues.push({
        ...whole("key-too-long", `A key in ${row.collection.slice(0, 100)} is over ${MAX_KEY_BYTES} bytes.`),
        path,
      });
      return false;
    }
    if (taken.has(name)) {
      issues.push({ ...whole("duplicate-key", `Two rows of one unit are ${name}.`), path });
      return false;
    }
    taken.add(name);
    return true;
  });
}

function bytes(text: string): number {
  return Buffer.byteLength(text);
}

/** A btree entry holds 2,704 bytes: unit, collection and key have to fit together. */
const MAX_KEY_BYTES = 800;

/** An escape that only JSON text of a NUL or of a lone surrogate has; JSON.stringify writes pairs as they are. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;
