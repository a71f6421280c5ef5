import type { Context } from "../context.ts";
import { resolveLimits } from "../git/git-limits.ts";
import type { Lease } from "../queue/claim.ts";
import { buildUnits } from "./build-units.ts";
import type { BuildOptions } from "./build-version.ts";
import { costs, invalid, type Contents, type Invalid } from "./contents.ts";
import type { Base } from "./find-base.ts";
import type { DocumentSource } from "./read-documents.ts";
import { copyUnits, startSegment } from "./segments.ts";
import { placeId, selectedFile, type SelectedFile } from "./selected-file.ts";

export const SMALLEST_DELTA = 32;

/**
 * Assembles the changed units into a new delta over an old base, and carries over what the old delta replaced. A
 * delta that has grown past the square root of twice the base's units is folded into a new base: copying up to `t`
 * units at each version and `n` units every `t` versions costs `t / 2 + n / t`, least at `t = sqrt(2 n)`.
 */
export async function buildDelta(
  source: DocumentSource,
  lease: Lease,
  { base, onProgress }: Pick<BuildOptions, "onProgress"> & { readonly base: Base },
): Promise<Contents | Invalid> {
  const { context } = source;
  const changed = [...base.changedUnits];
  const delta = await startSegment(context.db, lease);
  const files = await filesAfter(context, base, changed);
  const counts = await buildUnits(source, { segment: delta, units: files, onProgress });
  const refused = invalid(source.projector, counts);
  if (refused !== undefined) return refused;
  const old = base.version.delta;
  if (old !== null) await copyUnits(context, { from: old, to: delta, except: changed });
  const changedPaths = base.version.own ? pathsOf(base) : undefined;
  const { treeFiles } = base;
  const built = {
    base: base.version.base,
    delta,
    from: base.version.id,
    changedPaths,
    treeFiles,
    ...costs(counts),
  };
  if (base.deltaUnits.size <= Math.max(SMALLEST_DELTA, Math.sqrt(2 * base.baseUnits))) return built;
  onProgress?.({ phase: "copy" });
  const folded = await startSegment(context.db, lease);
  await copyUnits(context, { from: base.version.base, to: folded, except: [...base.deltaUnits] });
  await copyUnits(context, { from: delta, to: folded, except: await emptyUnits(context, delta) });
  return { ...built, base: folded, delta: null };
}

/** The files of the changed units after the change: what is stored of them, with the difference applied. */
async function filesAfter(
  context: Context,
  base: Base,
  changed: readonly string[],
): Promise<Map<string, SelectedFile[]>> {
  const { rows } = await context.db.query<SelectedFile>(
    `select f.path, f.unit, f.kind, f.mode, encode(f.oid, 'hex') as oid, nullif(f.problem, '') as "placeProblem"
     from headstart_materializer.version_files f where f.version_id = $1 and f.unit = any($2)`,
    [base.version.id, changed],
  );
  const units = new Map<string, SelectedFile[]>(changed.map((unit) => [unit, []]));
  const limits = resolveLimits(context.mirrors.settings.limits);
  const stored = rows.map((file) => ({ ...file, placeProblem: file.placeProblem ?? undefined }));
  const kept = stored.filter((file) => !base.changes.has(placeId(file)));
  for (const file of kept) units.get(file.unit)?.push(selectedFile(file, file, limits));
  for (const { selection, after } of base.changes.values()) {
    if (after !== undefined) units.get(selection.unit)?.push(selectedFile(selection, after, limits));
  }
  return units;
}

function pathsOf({ changes }: Base): string[] {
  return [...new Set([...changes.values()].map(({ selection }) => selection.path))].toSorted();
}

/** Units that a delta holds to say that they are gone: a base has no need of them. */
async function emptyUnits(context: Context, segment: string): Promise<string[]> {
  const { rows } = await context.db.query<{ unit: string }>(
    `select u.unit from headstart_materializer.segment_units u
     where u.segment_id = $1 and not exists (
       select from headstart_materializer.segment_files f where f.segment_id = $1 and f.unit = u.unit)`,
    [segment],
  );
  return rows.map((row) => row.unit);
}
