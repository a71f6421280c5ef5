import type { ContentIssue, Projector, Row, UnitFile } from "../projector/projector.ts";
import { documentKey, type Documents, type ReadDocument } from "./document.ts";
import { fitsKey, maxKeyBytes } from "./key-limit.ts";
import { inOrder, whole, type SelectedFile } from "./selected-file.ts";

/** One unit of a projection: its files, the rows they make and what is wrong with them. */
export interface AssembledUnit {
  readonly unit: string;
  readonly files: readonly SelectedFile[];
  readonly rows: readonly Row[];
  readonly issues: readonly ContentIssue[];
}

/** Characters of the documents of one unit, as JSON: its author's code has all of them in memory at once. */
export const MOST_OF_UNIT = 128 * 2 ** 20;

/** Files with an error are left out of the rows; whether that blocks the version is the policy's decision. */
export function assembleUnit(
  projector: Projector,
  unit: string,
  { files, documents }: { files: readonly SelectedFile[]; documents: Documents },
): AssembledUnit {
  const issues: ContentIssue[] = [];
  const good: UnitFile[] = [];
  let size = 0;
  for (const file of files.toSorted(inOrder)) {
    const { document, problems, size: characters } = readOf(file, documents);
    size += characters;
    if (size > MOST_OF_UNIT) return oversizedUnit(unit, files);
    for (const problem of problems) issues.push({ ...problem, path: file.path });
    if (document === undefined) continue;
    const { path, kind, oid, mode } = file;
    good.push({ path, kind, oid, mode, document });
  }
  const assembled = projector.assemble(unit, good);
  for (const issue of assembled.issues) issues.push(issue);
  const rows = storableRows(assembled.rows, { issues, path: good[0]?.path ?? unit });
  return { unit, files, rows, issues };
}

function readOf(file: SelectedFile, documents: Documents): ReadDocument {
  if (file.problem !== undefined) return { problems: [file.problem], size: 0 };
  return documents.get(documentKey(file)) ?? { problems: [], size: 0 };
}

/** A unit whose documents are too much to be assembled, whichever of them were read. */
export function oversizedUnit(unit: string, files: readonly SelectedFile[]): AssembledUnit {
  const path = files.toSorted(inOrder)[0]?.path ?? unit;
  const message = `The documents of this unit have more than ${MOST_OF_UNIT} characters together. Divide it into smaller units.`;
  return { unit, files, rows: [], issues: [{ ...whole("unit-too-large", message), path }] };
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
