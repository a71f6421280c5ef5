/**
 * Bytes that a unit, a collection or a key may have. An entry of a btree holds 2,704 bytes: unit, collection and key
 * have to fit into one together, and so have a unit and a path.
 */
export const maxKeyBytes = 800;

export function fitsKey(text: string): boolean {
  return Buffer.byteLength(text) <= maxKeyBytes;
}
