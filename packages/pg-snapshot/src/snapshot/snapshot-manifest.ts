import { z } from "zod";
import { PgSnapshotError } from "../errors.ts";
import { stripRule } from "./strip-rules.ts";

const format = "headstart-snapshot/1";

/** What the name of a dump ends with; attributes and ignore rules of version control go by it. */
export const dumpSuffix = ".pgdump";

/** A dump beside the manifest: never a path that leads elsewhere, and never the manifest itself. */
const dumpName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,120}\.pgdump$/, "expected a plain name of a dump");
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits");
const version = z.string().regex(/^\d{1,4}[\w.+-]{0,40}$/, "expected a version, for example 15.18");

/** Rows of `pg_db_role_setting`: settings of the database, for everybody (`null`) or one role. */
const databaseSettings = z.array(
  z.object({
    role: z.string().nullable(),
    settings: z.array(z.string().regex(/^[^=]+=/, "expected name=value")),
  }),
);

const manifestSchema = z.object({
  format: z.literal(format),
  target: z.string(),
  /** The content that the dump was made from. */
  fingerprint: z.string().min(1),
  /** The inputs' manifest, an item a line, so that version control shows which input changed. */
  files: z.array(z.string()),
  dump: z.object({
    file: dumpName,
    sha256,
    bytes: z.number().int().nonnegative(),
    compression: z.string(),
  }),
  pgDumpVersion: version,
  /** The server it was dumped from, for example `15.18`. */
  serverVersion: version,
  encoding: z.string(),
  extensions: z.array(z.object({ name: z.string().min(1), version: z.string() })),
  strip: z.array(stripRule),
  databaseSettings,
  /** Milliseconds that the build took, when it is known. */
  buildMs: z.number().nonnegative().nullable(),
  createdAt: z.string(),
});

/** What a snapshot says of itself, in `fingerprint.json` beside the dump. */
export type SnapshotManifest = z.infer<typeof manifestSchema>;

/** A manifest before its dump has a name. */
export type ManifestDraft = Omit<SnapshotManifest, "format" | "dump"> & {
  readonly dump: Omit<SnapshotManifest["dump"], "file" | "sha256" | "bytes">;
};

/**
 * The manifest as text. The same manifest gives the same text, in whatever order its fields were put together,
 * so that version control shows only what changed.
 *
 * @throws {TypeError} when no reader would accept it
 */
export function formatManifest(manifest: Omit<SnapshotManifest, "format">): string {
  const checked = manifestSchema.safeParse({ ...manifest, format });
  if (!checked.success) throw new TypeError(`this is no manifest: ${issuesOf(checked.error)}`);
  return `${JSON.stringify(checked.data, null, 2)}\n`;
}

/**
 * Reads a manifest from disk, where anybody may have edited it.
 *
 * @throws {PgSnapshotError} `SNAPSHOT_CORRUPT` with what is wrong, `SNAPSHOT_INCOMPATIBLE` for a later format
 */
export function parseManifest(text: string, where: string): SnapshotManifest {
  const hint = "take it from version control again, or save the snapshot anew";
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new PgSnapshotError("SNAPSHOT_CORRUPT", `"${where}" is no JSON (a merge conflict?)`, {
      hint,
      cause,
    });
  }
  const theirs = z.object({ format: z.string() }).safeParse(json).data?.format;
  if (theirs !== undefined && theirs !== format && /^headstart-snapshot\/\d{1,9}$/.test(theirs)) {
    throw new PgSnapshotError(
      "SNAPSHOT_INCOMPATIBLE",
      `"${where}" has format "${theirs}", this version knows "${format}"`,
      { hint: "update @headstart/pg-snapshot, or save the snapshot anew" },
    );
  }
  const parsed = manifestSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new PgSnapshotError("SNAPSHOT_CORRUPT", `"${where}" is damaged: ${issuesOf(parsed.error)}`, { hint });
}

/** How many things that are wrong with a manifest are told; one damage often shows in many places. */
const toldIssues = 3;

function issuesOf({ issues }: z.ZodError): string {
  const told = issues
    .slice(0, toldIssues)
    .map(({ path, message }) => `${path.join(".") || "it"}: ${message}`);
  const more = issues.length - told.length;
  return [...told, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}
