import type { ContentIssue, Projector, Row, UnitFile } from "../projector/projector.ts";
import type { Documents } from "./read-documents.ts";
import { fitsKey, maxKeyBytes } from "./key-limit.ts";
import { inOrder, whole, type SelectedFile } from "./selected-file.ts";

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
  for (const file of files.toSorted(inOrder)) {
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
    if (!fitsKey(row.key) || !fitsKey(row.collection)) {
      issues.push({
        ...whole("key-too-long", longKey(row)),
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

function longKey({ collection }: Row): string {
  const what = fitsKey(collection) ? "A key in" : "The name of the collection";
  return `${what} ${collection.slice(0, 100)} has more than ${maxKeyBytes} bytes.`;
}

/** An escape that only JSON text of a NUL or of a lone surrogate has; JSON.stringify writes pairs as they are. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;
