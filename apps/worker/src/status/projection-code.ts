/** Set by the build to the digests of the projections' code, because bundled code cannot be told apart by file. */
declare const HEADSTART_PROJECTION_IDENTITIES: Readonly<Record<string, string>> | undefined;

/** What tells `defineProjection` which code it is: its source file in a checkout, and its digest in a build. */
export function projectionCode(
  name: string,
  source: string,
): { readonly source: string } | { readonly identity: string } {
  if (typeof HEADSTART_PROJECTION_IDENTITIES === "undefined") return { source };
  const identity = HEADSTART_PROJECTION_IDENTITIES[name];
  if (identity === undefined) throw new Error(`the build names no digest of the projection ${name}`);
  return { identity };
}
