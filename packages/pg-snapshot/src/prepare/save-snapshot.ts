import { PgSnapshotError, type PgSnapshotErrorCode } from "../errors.ts";
import { scratchName } from "../names.ts";
import { readServerFacts } from "../server/server-facts.ts";
import { connect } from "../server/connect.ts";
import { checkSnapshot } from "../snapshot/check-snapshot.ts";
import { dumpDatabase } from "../snapshot/dump-database.ts";
import type { ManifestDraft, SnapshotManifest } from "../snapshot/snapshot-manifest.ts";
import type { SnapshotStore } from "../snapshot/snapshot-store.ts";
import { stripDatabase } from "../snapshot/strip-database.ts";
import { createDatabase } from "../template/create-database.ts";
import type { TemplateDescription } from "../template/template-description.ts";
import { findTool } from "../tools/find-tool.ts";
import { judgeSnapshot } from "./judge-snapshot.ts";
import type { Preparation } from "./preparation.ts";
import { settleAfterAbort } from "./settle-after-abort.ts";
import { takeTurnToSave } from "./turn-to-save.ts";
import { withScratch } from "./with-scratch.ts";

/** What became of saving. */
export type Saved =
  | { readonly status: "saved"; readonly stores: readonly string[]; readonly bytes: number }
  | { readonly status: "unchanged"; readonly reason: string }
  | { readonly status: "not-asked"; readonly reason: string }
  | { readonly status: "failed"; readonly reason: string; readonly error: PgSnapshotError };

export interface SaveOptions {
  readonly description: TemplateDescription;
  readonly stores: readonly SnapshotStore[];
  /** Writes even where a whole snapshot of this content is: after a forced build it is the build's that counts. */
  readonly replace: boolean;
}

/**
 * Dumps the template into every store that lacks one to be restored here, from a clone that is stripped first: a sealed template
 * takes no connections, and is never changed. One process at a time saves a target into a store.
 *
 * @throws {PgSnapshotError} `TOOL_MISSING`, `TOOL_TOO_OLD`, `STRIP_FAILED`, `DUMP_FAILED`, `DISK_FULL`,
 * `STORE_UNWRITABLE`
 */
export async function saveSnapshot(
  preparation: Preparation,
  { description, stores, replace }: SaveOptions,
): Promise<Saved> {
  const { target, identity } = preparation;
  return await takeTurnToSave(preparation, stores, async () => {
    const lacking: SnapshotStore[] = [];
    for (const store of stores) {
      const check = await checkSnapshot(store, { target: target.name, digest: identity.digest }, preparation);
      const serves = check.status === "fresh" && (await isUsableHere(preparation, check.manifest));
      if (replace || !serves) lacking.push(store);
    }
    if (lacking.length === 0)
      return { status: "unchanged", reason: "a whole snapshot of this content is there" };
    const bytes = await dumpInto(preparation, description, lacking);
    return { status: "saved", stores: lacking.map((store) => store.name), bytes };
  });
}

/** One that this server could not take is of no use to who asked for one here. */
async function isUsableHere(preparation: Preparation, manifest: SnapshotManifest): Promise<boolean> {
  try {
    return (await judgeSnapshot(preparation, manifest)).unusable === undefined;
  } catch (error) {
    // Where there is no pg_restore, another snapshot would serve no better.
    if (error instanceof PgSnapshotError && toolCodes.has(error.code)) return true;
    throw error;
  }
}

const toolCodes: ReadonlySet<PgSnapshotErrorCode> = new Set(["TOOL_MISSING", "TOOL_TOO_OLD"]);

async function dumpInto(
  preparation: Preparation,
  description: TemplateDescription,
  stores: readonly SnapshotStore[],
): Promise<number> {
  const { target, owner, templateName, options, signal, onProgress, stopwatch } = preparation;
  const facts = await readServerFacts(owner.session);
  const tool = await findTool("pg_dump", facts.major, options.tools, { signal });
  const scratch = scratchName(owner.id, target.name);
  return await withScratch(owner, scratch, async () => {
    await createDatabase(owner, scratch, { template: templateName, strategy: description.strategy, signal });
    const rules = target.strip ?? [];
    await stopwatch.time("strip", () =>
      stripDatabase({ connection: owner.settings, database: scratch, rules, signal, onProgress }),
    );
    const draft = await describe(preparation, { description, scratch, facts, tool });
    let bytes = 0;
    for (const store of stores) {
      onProgress({ phase: "dump", detail: `into ${store.name}` });
      const dump = async (path: string): Promise<void> => {
        const options = { connection: owner.settings, database: scratch, tool, path, signal, onProgress };
        draft.dump.compression = (await dumpDatabase(options)).compression;
      };
      const manifest = await stopwatch.time("dump", () =>
        settleAfterAbort(store.write(draft, dump, { signal }), signal),
      );
      bytes = manifest.dump.bytes;
    }
    return bytes;
  });
}

interface Dumped {
  readonly description: TemplateDescription;
  readonly scratch: string;
  readonly facts: { readonly version: string };
  readonly tool: { readonly version: string };
}

async function describe(
  { target, identity, owner, signal }: Preparation,
  { description, scratch, facts, tool }: Dumped,
): Promise<ManifestDraft> {
  await using session = await connect(owner.settings, { database: scratch, signal });
  const { rows } = await session.query<{ encoding: string; extensions: { name: string; version: string }[] }>(
    `select pg_encoding_to_char(d.encoding) as encoding,
            (select coalesce(json_agg(json_build_object('name', e.extname, 'version', e.extversion) order by e.extname), '[]')
               from pg_catalog.pg_extension e where e.extname <> 'plpgsql') as extensions
       from pg_catalog.pg_database d
      where d.datname = current_database()`,
  );
  return {
    target: target.name,
    fingerprint: identity.digest,
    files: identity.manifest.split("\n").filter((line) => line !== ""),
    dump: { compression: "" },
    pgDumpVersion: tool.version,
    serverVersion: facts.version,
    encoding: rows[0]?.encoding ?? "",
    extensions: rows[0]?.extensions ?? [],
    strip: [...(target.strip ?? [])],
    databaseSettings: description.settings,
    buildMs: description.buildMs,
    createdAt: new Date().toISOString(),
  };
}
