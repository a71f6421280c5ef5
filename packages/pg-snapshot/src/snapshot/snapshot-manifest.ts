import { z } from "zod";
import { PgSnapshotError } from "../errors.ts";
import { stripRule } from "./strip-rules.ts";

const format = "headstart-snapshot/1";

/** A file beside the manifest: never a path that leads elsewhere. */
const fileName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,120}$/, "expected a plain file name");
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits");

/** Rows of `pg_db_role_setting`: settings of the database, for everybody (`null`) or one role. */
export const databaseSettings = z.array(
  z.object({ role: z.string().nullable(), settings: z.array(z.string().includes("=")) }),
);

const manifestSchema = z.object({
  format: z.literal(format),
  target: z.string(),
  /** The content that the dump was made from. */
  fingerprint: z.string().min(1),
  /** The inputs' manifest, an item a line, so that version control shows which input changed. */
  files: z.array(z.string()),
  dump: z.object({
    file: fileName,
    sha256,
    bytes: z.number().int().nonnegative(),
    compression: z.string(),
  }),
  pgDumpVersion: z.string(),
  /** The server it was dumped from, for example `15.18`. */
  serverVersion: z.string(),
  encoding: z.string(),
  extensions: z.array(z.object({ name: z.string(), version: z.string() })),
  strip: z.array(stripRule),
  databaseSettings,
  /** Milliseconds that the build took, when it is known. */
  buildMs: z.number().nullable(),
  createdAt: z.string(),
});

/** What a snapshot says of itself, in `fingerprint.json` beside the dump. */
export type SnapshotManifest = z.infer<typeof manifestSchema>;

/** A manifest before its dump has a name. */
export type ManifestDraft = Omit<SnapshotManifest, "format" | "dump"> & {
  readonly dump: Omit<SnapshotManifest["dump"], "file" | "sha256" | "bytes">;
};

export function formatManifest(manifest: Omit<SnapshotManifest, "format">): string {
  return `${JSON.stringify({ format, ...manifest }, null, 2)}\n`;
}

/**
 * Reads a manifest from disk, where anybody may have edited it.
 *
 * @throws {PgSnapshotError} `SNAPSHOT_CORRUPT` with what is wrong, `SNAPSHOT_INCOMPATIBLE` for a later format
 */
export function parseManifest(text: string, where: string): SnapshotManifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new PgSnapshotError("SNAPSHOT_CORRUPT", `"${where}" is no JSON (a merge conflict?)`, { cause });
  }
  const theirs = z.object({ format: z.string() }).safeParse(json).data?.format;
  if (theirs !== undefined && theirs !== format && theirs.startsWith("headstart-snapshot/")) {
    throw new PgSnapshotError(
      "SNAPSHOT_INCOMPATIBLE",
      `"${where}" has format "${theirs}", this version knows "${format}"`,
      {
        hint: "update @headstart/pg-snapshot, or save the snapshot anew",
      },
    );
  }
  const parsed = manifestSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const first = parsed.error.issues[0];
  throw new PgSnapshotError(
    "SNAPSHOT_CORRUPT",
    `"${where}" is damaged: ${first?.path.join(".")}: ${first?.message}`,
  );
}
