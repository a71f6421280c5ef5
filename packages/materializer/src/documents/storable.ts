/** A lone surrogate matches as a code point of its own under the `u` flag; a pair does not. */
const unstorable = /\0|\p{Surrogate}/u;

/** What in `text` Postgres cannot keep in `jsonb`, or undefined. */
export function unstorableCharacter(text: string): string | undefined {
  const found = unstorable.exec(text)?.[0];
  return found === undefined
    ? undefined
    : `U+${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}
