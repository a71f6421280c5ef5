import { isDeepStrictEqual } from "node:util";
import type { PgSnapshotErrorCode } from "../errors.ts";
import type { ServerFacts } from "../server/server-facts.ts";
import type { Tool } from "../tools/find-tool.ts";
import { installAdvice } from "../tools/install-advice.ts";
import { newestReadableArchive } from "./archive-version.ts";
import type { SnapshotManifest } from "./snapshot-manifest.ts";
import type { StripRule } from "./strip-rules.ts";

export interface Unusable {
  readonly code: PgSnapshotErrorCode;
  readonly reason: string;
  readonly hint: string;
}

export interface UsableFor {
  readonly server: ServerFacts;
  readonly restoreTool: Tool;
  /** The rules that the target strips by now. */
  readonly strip: readonly StripRule[];
}

const major = (version: string): number => Number.parseInt(version, 10);

/**
 * Whether a snapshot can be restored here: on the same or a newer major version, with the same encoding and
 * all its extensions, by a pg_restore that can read it. The first obstacle is told, `undefined` means none.
 */
export function checkUsable(
  manifest: SnapshotManifest,
  { server, restoreTool, strip }: UsableFor,
): Unusable | undefined {
  const dumpedFrom = major(manifest.serverVersion);
  if (dumpedFrom > server.major) {
    return {
      code: "SNAPSHOT_INCOMPATIBLE",
      reason: `the snapshot comes from Postgres ${manifest.serverVersion}, this server is ${server.version}`,
      hint: `use a server of version ${dumpedFrom} or newer, or save the snapshot from this one`,
    };
  }
  if (newestReadableArchive(restoreTool.major) < newestReadableArchive(major(manifest.pgDumpVersion))) {
    return {
      code: "SNAPSHOT_INCOMPATIBLE",
      reason: `the snapshot was written by pg_dump ${manifest.pgDumpVersion}, which pg_restore ${restoreTool.version} cannot read`,
      hint: `install newer client tools: ${installAdvice("client", major(manifest.pgDumpVersion))}`,
    };
  }
  if (manifest.encoding !== server.encoding) {
    return {
      code: "SNAPSHOT_INCOMPATIBLE",
      reason: `the snapshot is encoded in ${manifest.encoding}, databases of this server in ${server.encoding}`,
      hint: "initialise the server with --encoding=UTF8",
    };
  }
  const absent = manifest.extensions
    .map(({ name }) => name)
    .filter((name) => !server.availableExtensions.has(name));
  if (absent.length > 0) {
    return {
      code: "EXTENSION_MISSING",
      reason: `the snapshot needs extensions that the server does not have: ${absent.join(", ")}`,
      hint: "install their files on the server (Debian: apt-get install postgresql-contrib, or the extension's own package)",
    };
  }
  if (!isDeepStrictEqual(manifest.strip, strip)) {
    return {
      code: "SNAPSHOT_INCOMPATIBLE",
      reason: "the snapshot was stripped by other rules than the target has now",
      hint: "save the snapshot anew, and let the fingerprint cover the strip rules",
    };
  }
  return undefined;
}
