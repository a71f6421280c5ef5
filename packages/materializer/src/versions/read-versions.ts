import { z } from "zod";
import type { Queryable } from "../database/in-transaction.ts";
import { MaterializerError } from "../errors.ts";
import { options, text } from "../options/allowed.ts";
import { checkOptions } from "../options/check-options.ts";
import type { ContentIssue, Row } from "../projector/projector.ts";
import { findBranch, type BranchName } from "./find-branch.ts";

/** One published state of a branch. */
export interface Version {
  readonly id: string;
  readonly oid: string;
  readonly tree: string;
  readonly seq: number;
  readonly projector: string;
  readonly committedAt: Date;
  readonly author: string;
  readonly publishedAt: Date;
  readonly blobsParsed: number;
  readonly blobsReused: number;
  readonly unitsAssembled: number;
  readonly buildMs: number;
}

export const versionColumns = `
  v.id::text, encode(v.oid, 'hex') as oid, encode(v.tree_oid, 'hex') as tree, v.seq::float8 as seq, v.projector,
  v.committed_at as "committedAt", v.author, v.published_at as "publishedAt", v.blobs_parsed as "blobsParsed",
  v.blobs_reused as "blobsReused", v.units_assembled as "unitsAssembled", v.build_ms as "buildMs"`;

/** A branch's versions that are still kept, newest first; of the branch as it is, not of one deleted before it. */
export async function history(db: Queryable, name: BranchName): Promise<Version[]> {
  const branch = await findBranch(db, name);
  const { rows } = await db.query<Version>(
    `select ${versionColumns} from headstart_materializer.versions v
     where v.branch_id = $1 and v.incarnation = $2 order by v.seq desc`,
    [branch.id, branch.incarnation],
  );
  return rows;
}

const either = z.looseObject({}, "an object of oid, or of time");
const byCommit = options({ oid: text() });
const byTime = options({
  time: z.custom((value) => value instanceof Date && !Number.isNaN(value.getTime()), "a valid Date"),
});

/**
 * The version of a commit, or the one that was newest at a time.
 *
 * @throws MaterializerError `BRANCH_UNKNOWN`, `VERSION_UNKNOWN` when it is not, or no longer, kept; `OPTION_INVALID`
 */
export async function asOf(
  db: Queryable,
  name: BranchName,
  at: { oid: string } | { time: Date },
): Promise<Version> {
  checkOptions("asOf", either, at);
  checkOptions("asOf", "oid" in at ? byCommit : byTime, at);
  const versions = await history(db, name);
  const found =
    "oid" in at
      ? versions.find((version) => version.oid === at.oid)
      : versions.find((version) => version.publishedAt <= at.time);
  if (found !== undefined) return found;
  const wanted = "oid" in at ? `the commit ${at.oid}` : at.time.toISOString();
  throw new MaterializerError(
    "VERSION_UNKNOWN",
    `${JSON.stringify(name.branch)} has no version of ${wanted} any more.`,
    {
      hint: `Its ${versions.length} kept versions are listed by history(); settings.history says how many are kept.`,
    },
  );
}

/**
 * The rows of a version, by unit, collection and key. A version never changes, so pages of it always fit together.
 *
 * @throws MaterializerError `VERSION_UNKNOWN` when it is not, or no longer, kept.
 */
export async function readRows(
  db: Queryable,
  version: string,
  { collection }: { collection?: string } = {},
): Promise<(Row & { unit: string })[]> {
  const { rows } = await db.query<Row & { unit: string }>(
    `select unit, collection, key, data from headstart_materializer.version_rows
     where version_id = $1 and ($2::text is null or collection = $2)
     order by unit, collection, key`,
    [versionId(version), collection ?? null],
  );
  if (rows.length === 0) await requireVersion(db, version);
  return rows;
}

/**
 * What is wrong with a version's files, without keeping it from being served.
 *
 * @throws MaterializerError `VERSION_UNKNOWN` when it is not, or no longer, kept.
 */
export async function readIssues(db: Queryable, version: string): Promise<ContentIssue[]> {
  const { rows } = await db.query<ContentIssue>(
    `select path, line, column_number as "column", code, message, severity
     from headstart_materializer.version_issues where version_id = $1 order by unit, ordinal`,
    [versionId(version)],
  );
  if (rows.length === 0) await requireVersion(db, version);
  return rows;
}

/** A version that is there after its rows were read was there while they were read. */
async function requireVersion(db: Queryable, version: string): Promise<void> {
  const { rowCount } = await db.query("select from headstart_materializer.versions where id = $1", [
    versionId(version),
  ]);
  if (rowCount === 0) unknownVersion(version);
}

function versionId(version: string): string {
  return /^\d{1,18}$/.test(version) ? version : unknownVersion(version);
}

function unknownVersion(version: string): never {
  throw new MaterializerError(
    "VERSION_UNKNOWN",
    `There is no version ${JSON.stringify(version)}, or it is no longer kept.`,
    { hint: "branch() tells the served one, history() those that are kept." },
  );
}

/** What keeps a branch's newest commit from being served. */
export async function blockingIssues(db: Queryable, name: BranchName): Promise<ContentIssue[]> {
  const branch = await findBranch(db, name);
  const { rows } = await db.query<ContentIssue>(
    `select path, line, column_number as "column", code, message, severity
     from headstart_materializer.branch_issues where branch_id = $1 order by ordinal`,
    [branch.id],
  );
  return rows;
}
