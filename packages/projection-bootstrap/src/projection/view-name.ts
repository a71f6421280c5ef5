/** What the schema holds besides views: tables, and what is named after them. */
const ours =
  /^(?:acceptance|era|event|log_setting|migration|parked|rows_\d+|stream|version)(?:_(?:\w+_)?(?:pkey|key|seq|active|building|identity))?$/;

/**
 * The view in which SQL readers find a projection's rows, of the projection's own name. Where a relation of this package
 * has that name, an underscore comes first: no projection's name begins with one.
 */
export function viewName(projection: string): string {
  return ours.test(projection) ? `_${projection}` : projection;
}
