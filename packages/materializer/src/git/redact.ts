/** Makes git's words fit for logs and for a table that many may read. */
export type Redact = (text: string) => string;

const longest = 2000;

/** @param secrets what must not appear, in whichever form a URL or a header carries it */
export function redactor(secrets: readonly string[]): Redact {
  const forms = secrets
    .filter((secret) => secret !== "")
    .flatMap((secret) => [
      secret,
      encodeURIComponent(secret),
      encodeURI(secret),
      Buffer.from(secret).toString("base64"),
    ])
    .sort((a, b) => b.length - a.length);
  return (text) => {
    let clean = text;
    for (const form of forms) clean = clean.replaceAll(form, "***");
    clean = clean.replace(/(\w:\/\/)[^/\s@]*@/g, "$1***@").replace(/(authorization: *)[^\r\n]*/gi, "$1***");
    // oxlint-disable-next-line no-control-regex
    clean = clean.replace(/[\u0000-\u0009\u000b-\u001f\u007f]+/g, " ").trim();
    return clean.length > longest ? `${clean.slice(0, longest)}…` : clean;
  };
}
