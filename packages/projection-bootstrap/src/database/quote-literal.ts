/** A text as an SQL literal, for the few statements that take no parameters. */
export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
  return text.includes("\\") ? `e${quoted}` : quoted;
}
