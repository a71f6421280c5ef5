const LONGEST_URL = 2048;

/** Ports that a URL may name or leave out. That of https is dropped by the parser. */
const usualPort: Readonly<Record<string, string>> = { http: "80", ssh: "22", git: "9418" };

/** Other names of the same hosts, for networks that let only port 443 out. */
const aliases: Readonly<Record<string, string>> = {
  "ssh.github.com": "github.com",
  "altssh.gitlab.com": "gitlab.com",
  "altssh.bitbucket.org": "bitbucket.org",
};

/**
 * Where a repository is, whichever way its URL is written: `host/path`, or `host:port/path` where the port is not the
 * protocol's own. Protocol, credential, query, `.git` and superfluous slashes are left out; the host is lower case and
 * ASCII, the path keeps its case.
 *
 * Percent-encoding is normalised as RFC 3986 §6.2.2 says.
 *
 * @param url with a protocol, or as scp writes it: `git@host:path`
 * @returns undefined when it names no repository
 */
export function locate(url: string): string | undefined {
  if (url.length > LONGEST_URL) return undefined;
  const parts = split(url);
  if (parts === undefined) return undefined;
  const { protocol, rest } = parts;
  if (protocol === "file") return path(rest.replace(/^[^/]*/, ""), "");
  // As https, because the parser treats the host of a protocol that it does not know as opaque.
  const known = `https://${rest}`;
  if (!URL.canParse(known)) return undefined;
  const parsed = new URL(known);
  const host = aliases[parsed.hostname] ?? parsed.hostname;
  const port = parsed.port === "" || parsed.port === usualPort[protocol] ? "" : `:${parsed.port}`;
  return path(parsed.pathname, host + port);
}

function split(url: string): { protocol: string; rest: string } | undefined {
  const withProtocol = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(url);
  if (withProtocol !== null) {
    const [, protocol = "", rest = ""] = withProtocol;
    return { protocol: protocol.toLowerCase().replace(/^git\+/, ""), rest };
  }
  const asScp = /^(?:[^@\s:/]+@)?(\[[^\]]+\]|[^\s:/\\]+):(.+)$/s.exec(url);
  if (asScp === null) return undefined;
  const [, host = "", rest = ""] = asScp;
  return { protocol: "ssh", rest: `${host}/${rest}` };
}

function path(encoded: string, host: string): string | undefined {
  const clean = encoded
    .replace(/%[0-9a-f]{2}/gi, normaliseOctet)
    .replace(/\/{2,}/g, "/")
    .replace(/^\/|\/$/g, "")
    .replace(/\.git$/i, "");
  return clean === "" ? undefined : `${host}/${clean}`;
}

function normaliseOctet(octet: string): string {
  const character = String.fromCharCode(Number.parseInt(octet.slice(1), 16));
  return /[\w.~-]/.test(character) ? character : octet.toUpperCase();
}
