import { isDeepStrictEqual } from "node:util";
import { assembleInBatches } from "../build/assemble-in-batches.ts";
import { listUnits } from "../build/list-units.ts";
import { openCommit } from "../build/open-commit.ts";
import type { Context } from "../context.ts";
import type { Queryable } from "../database/in-transaction.ts";
import { MaterializerError } from "../errors.ts";
import type { ContentIssue, Row } from "../projector/projector.ts";
import { findRepository } from "../repositories/repository.ts";
import { findBranch, type BranchName } from "./find-branch.ts";
import { readRows } from "./read-versions.ts";

export type PlacedRow = Row & { readonly unit: string };

/** The rows that serving another commit would change, and what is wrong with that commit's files. */
export interface VersionDifference {
  readonly added: readonly PlacedRow[];
  readonly removed: readonly PlacedRow[];
  readonly changed: readonly { readonly before: PlacedRow; readonly after: PlacedRow }[];
  readonly issues: readonly ContentIssue[];
}

/**
 * What would change in a branch's rows if `oid` were published. Nothing is written to the database; the mirror fetches
 * the commit if it has to.
 *
 * @param oid any commit of the repository, in hex.
 * @throws MaterializerError `BRANCH_UNKNOWN`; GitError `RefMissing` when the repository has no such commit.
 */
export async function diff(
  context: Context,
  { repository: name, branch, oid }: BranchName & { readonly oid: string },
  { signal = new AbortController().signal }: { signal?: AbortSignal } = {},
): Promise<VersionDifference> {
  const repository = await findRepository(context.db, name);
  const before = await servedRows(context.db, { repository: name, branch });
  const { source, commit } = await openCommit(context, repository, { oid, cache: "read", signal });
  const after = new Map<string, PlacedRow>();
  const issues: ContentIssue[] = [];
  const wanted = await listUnits(source, commit.tree);
  for await (const { units } of assembleInBatches(source, wanted.units)) {
    for (const unit of units) {
      for (const issue of unit.issues) issues.push(issue);
      for (const row of unit.rows) after.set(rowId({ ...row, unit: unit.unit }), { ...row, unit: unit.unit });
    }
  }
  return { ...compareRows(before, after), issues };
}

/** A version that was replaced and forgotten before its rows were read is not the one to compare with: its successor is. */
async function servedRows(db: Queryable, name: BranchName): Promise<Map<string, PlacedRow>> {
  const { servedVersion } = await findBranch(db, name);
  if (servedVersion === null) return new Map();
  try {
    const rows = await readRows(db, servedVersion);
    return new Map(rows.map((row) => [rowId(row), row]));
  } catch (error) {
    if (error instanceof MaterializerError && error.code === "VERSION_UNKNOWN")
      return await servedRows(db, name);
    throw error;
  }
}

function rowId({ unit, collection, key }: PlacedRow): string {
  return JSON.stringify([unit, collection, key]);
}

function compareRows(
  before: ReadonlyMap<string, PlacedRow>,
  after: ReadonlyMap<string, PlacedRow>,
): Omit<VersionDifference, "issues"> {
  const added: PlacedRow[] = [];
  const changed: { before: PlacedRow; after: PlacedRow }[] = [];
  for (const [id, row] of after) {
    const old = before.get(id);
    if (old === undefined) added.push(row);
    else if (!isDeepStrictEqual(old.data, JSON.parse(JSON.stringify(row.data))))
      changed.push({ before: old, after: row });
  }
  return { added, changed, removed: [...before].filter(([id]) => !after.has(id)).map(([, row]) => row) };
}
