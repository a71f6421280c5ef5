/**
 * Bytes of a text that an index entry has room for: a third of a block, 2704 bytes, less what lies beside it.
 * https://www.postgresql.org/docs/current/btree.html
 */
const maxBytes = 2600;

/** What {@link isIndexable} asks for, in words. */
export const indexable = `a text of 1 to ${maxBytes} bytes without NUL and without half of a surrogate pair`;

/** Whether a text can be stored and found by an index as it is; the server's encoding has neither NUL nor half a pair. */
export function isIndexable(text: unknown): text is string {
  if (typeof text !== "string" || text === "" || text.includes("\0") || !text.isWellFormed()) return false;
  // No character takes more than three bytes for each unit of its text.
  return text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes;
}
