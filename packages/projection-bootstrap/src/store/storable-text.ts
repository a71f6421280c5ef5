/**
 * A text that Postgres stores in `text` and in `jsonb`, neither of which takes NUL or half a surrogate pair: messages
 * of errors may quote any event.
 */
export function storableText(text: string): string {
  return text.replaceAll("\0", "\uFFFD").toWellFormed();
}
