/** A word for a shell to paste, quoted as far as it has to be. */
export function quoteForShell(text: string): string {
  return /^[\w./@:-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
