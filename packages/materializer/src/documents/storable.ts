/** A lone surrogate matches as a code point of its own under the `u` flag; a pair does not. */
const unstorable = /\0|\p{Surrogate}/u;
const everyUnstorable = new RegExp(unstorable, "gu");

const longestMessage = 1000;

/** What in `text` Postgres cannot keep, or undefined. */
export function unstorableCharacter(text: string): string | undefined {
  const found = unstorable.exec(text)?.[0];
  return found === undefined
    ? undefined
    : `U+${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** A message as it can be stored: it may quote what is wrong with a file. */
export function storableMessage(message: string): string {
  const short = message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message;
  return short.replace(everyUnstorable, "\ufffd");
}
