import { PgSnapshotError } from "../errors.ts";
import type { ServerFacts } from "../server/server-facts.ts";
import { checkArchive } from "../snapshot/archive-version.ts";
import { databaseSettingStatements } from "../snapshot/database-settings.ts";
import { explainLookup } from "../snapshot/explain-lookup.ts";
import { restoreDatabase } from "../snapshot/restore-database.ts";
import type { SnapshotManifest } from "../snapshot/snapshot-manifest.ts";
import type { OpenedDump, SnapshotStore } from "../snapshot/snapshot-store.ts";
import { createDatabase } from "../template/create-database.ts";
import type { Tool } from "../tools/find-tool.ts";
import { judgeSnapshot } from "./judge-snapshot.ts";
import type { Preparation } from "./preparation.ts";

/**
 * Restores the store's snapshot of this content into a new database `scratch`. Everything that can be known
 * beforehand is checked before the database is created, the dump's checksum included.
 *
 * @throws {PgSnapshotError} `SNAPSHOT_MISSING`, `SNAPSHOT_STALE`, `SNAPSHOT_TORN`, `SNAPSHOT_CORRUPT`,
 * `SNAPSHOT_INCOMPATIBLE`, `EXTENSION_MISSING`, `TOOL_MISSING`, `TOOL_TOO_OLD`, `RESTORE_FAILED`, `DISK_FULL`,
 * `SERVER_UNREACHABLE`
 */
export async function restoreSnapshot(
  preparation: Preparation,
  store: SnapshotStore,
  scratch: string,
): Promise<SnapshotManifest> {
  const { owner, signal, onProgress, stopwatch } = preparation;
  await using usable = await openSettled(preparation, store);
  const { manifest, path, server, tool } = usable;
  await createDatabase(owner, scratch, { signal });
  await stopwatch.time("restore", async () => {
    await restoreDatabase({
      connection: owner.settings,
      database: scratch,
      dumpPath: path,
      dumpBytes: manifest.dump.bytes,
      server,
      tool,
      signal,
      onProgress,
    });
    const statements = databaseSettingStatements(scratch, {
      settings: manifest.databaseSettings,
      privileges: null,
    });
    if (statements.length > 0) await owner.transaction(`configuring database "${scratch}"`, statements);
  });
  return manifest;
}

interface UsableSnapshot extends OpenedDump {
  readonly manifest: SnapshotManifest;
  readonly server: ServerFacts;
  readonly tool: Tool;
}

/** Looks once more where a pair is torn: a writer may have put another in its place under our eyes. */
async function openSettled(preparation: Preparation, store: SnapshotStore): Promise<UsableSnapshot> {
  try {
    return await openUsable(preparation, store);
  } catch (error) {
    if (!(error instanceof PgSnapshotError) || error.code !== "SNAPSHOT_TORN") throw error;
    return await openUsable(preparation, store);
  }
}

async function openUsable(preparation: Preparation, store: SnapshotStore): Promise<UsableSnapshot> {
  const { target, identity, signal, onProgress, stopwatch } = preparation;
  const lookup = await store.find(target.name, identity.digest, { signal });
  if (lookup.status !== "found") throw explainLookup(lookup);
  const { manifest } = lookup;
  const { server, tool, unusable } = await judgeSnapshot(preparation, manifest);
  if (unusable) throw new PgSnapshotError(unusable.code, unusable.reason, { hint: unusable.hint });

  onProgress({ phase: "check", detail: `checksum of ${store.name}` });
  const opened = await stopwatch.time("check", () => store.open(manifest, { signal }));
  const close = (): PromiseLike<void> => opened[Symbol.asyncDispose]();
  try {
    await checkArchive(opened.path, tool);
  } catch (error) {
    await close();
    throw error;
  }
  return { manifest, path: opened.path, server, tool, [Symbol.asyncDispose]: close };
}
