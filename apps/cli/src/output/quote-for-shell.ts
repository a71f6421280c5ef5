/** A word for a shell to paste, quoted as far as it has to be. */
export function quoteForShell(text: string): string {
  return /^[\w./@:-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Words and options of a command for a shell to paste; a word that looks like an option stays a word. */
export function commandLine(words: readonly string[], options: readonly string[] = []): string {
  const quoted = words.map(quoteForShell);
  const isOption = words.some((word) => word.startsWith("-"));
  return (isOption ? [...options, "--", ...quoted] : [...quoted, ...options]).join(" ");
}
