import { readServerFacts, type ServerFacts } from "../server/server-facts.ts";
import { newestReadableArchive } from "../snapshot/archive-version.ts";
import { checkUsable, type Unusable } from "../snapshot/check-usable.ts";
import type { SnapshotManifest } from "../snapshot/snapshot-manifest.ts";
import { findTool, listTools, type Tool, type ToolSettings } from "../tools/find-tool.ts";
import type { Preparation } from "./preparation.ts";

export interface Judgement {
  readonly server: ServerFacts;
  /** The pg_restore to use. */
  readonly tool: Tool;
  /** Why the snapshot cannot be restored here; `undefined` when it can. */
  readonly unusable: Unusable | undefined;
}

/**
 * Judges by its manifest whether a snapshot can be restored on this server with the tools that are here.
 *
 * @throws {PgSnapshotError} `TOOL_MISSING`, `TOOL_TOO_OLD`, `SERVER_UNREACHABLE`
 */
export async function judgeSnapshot(
  { target, owner, options, signal }: Preparation,
  manifest: SnapshotManifest,
): Promise<Judgement> {
  const server = await readServerFacts(owner.session);
  const tool = await restoreTool(manifest, { serverMajor: server.major, tools: options.tools, signal });
  return {
    server,
    tool,
    unusable: checkUsable(manifest, { server, restoreTool: tool, strip: target.strip ?? [] }),
  };
}

interface RestoreToolOptions {
  readonly serverMajor: number;
  readonly tools: ToolSettings | undefined;
  readonly signal: AbortSignal;
}

/** The server's own pg_restore, or a newer one where the dump was written by a newer pg_dump. */
async function restoreTool(
  { pgDumpVersion }: SnapshotManifest,
  { serverMajor, tools, signal }: RestoreToolOptions,
): Promise<Tool> {
  const dumpMajor = Number.parseInt(pgDumpVersion, 10);
  const tool = await findTool("pg_restore", serverMajor, tools, { signal });
  if (newestReadableArchive(tool.major) >= newestReadableArchive(dumpMajor)) return tool;
  const newer = (await listTools("pg_restore", tools, { signal })).findLast(
    ({ major }) => major >= dumpMajor,
  );
  // Without one, what cannot be read is told of the tool that fits the server.
  return newer ?? tool;
}
