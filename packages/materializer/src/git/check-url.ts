import { GitError } from "./git-error.ts";

export type GitProtocol = "https" | "http" | "ssh" | "file";

export interface UrlRules {
  /** @default ["https", "ssh"] */
  readonly protocols?: readonly GitProtocol[] | undefined;
  /** The only hosts that may be talked to, each as `host` or `host:port`. @default any */
  readonly hosts?: readonly string[] | undefined;
}

export const defaultProtocols: readonly GitProtocol[] = ["https", "ssh"];

/**
 * Whether git may be sent to a URL. The URL comes from whoever registers a repository, so it may try to run a
 * program (`ext::`), pass for an option, or reach a service inside the network.
 *
 * @returns the URL as it is handed to git: normalised, so that git cannot read another host out of it
 * @throws GitError `Refused`
 */
export function checkUrl(url: string, { protocols = defaultProtocols, hosts }: UrlRules = {}): string {
  const parsed = parse(url);
  const protocol = parsed.protocol.slice(0, -1);
  if (!(protocols as readonly string[]).includes(protocol)) {
    throw refused(
      `The protocol ${JSON.stringify(protocol)} is not allowed.`,
      `Allowed: ${protocols.join(", ")}.`,
    );
  }
  if (
    parsed.password !== "" ||
    (parsed.username !== "" && (protocol !== "ssh" || !/^[\w.-]+$/.test(parsed.username)))
  ) {
    throw refused("The URL holds a credential.", "Leave it out of the URL, and give it as `credential`.");
  }
  if (parsed.hash !== "" || parsed.search !== "") {
    throw refused("The URL has a query or a fragment.", "A repository has none: leave it out.");
  }
  if (protocol === "file") {
    if (parsed.host !== "") throw refused("The file URL names a host.", "Write file:///path/of/repository.");
    return parsed.href;
  }
  const { host, hostname } = lowerCase(parsed);
  if (!/^(\[[0-9a-f:.]+\]|\w([\w.-]*\w)?)$/.test(hostname)) {
    throw refused("The URL names no host.", "Write https://host/path.");
  }
  const allowed = hosts?.map((name) => name.toLowerCase());
  if (allowed !== undefined && !allowed.includes(hostname) && !allowed.includes(host)) {
    throw refused(`The host ${JSON.stringify(host)} is not allowed.`, `Allowed: ${allowed.join(", ")}.`);
  }
  return parsed.href;
}

/** Of `ssh` the parser leaves the host as it was written. */
function lowerCase({ host, hostname }: URL): { host: string; hostname: string } {
  return { host: host.toLowerCase(), hostname: hostname.toLowerCase() };
}

function parse(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  // Each of these is read differently by some parser: what is checked here has to be what git connects to.
  // oxlint-disable-next-line no-control-regex
  const ambiguous = /^-|[\u0000-\u0020\u007f\\]|^[^/]*::/.test(url);
  if (parsed !== undefined && !ambiguous && /^[a-z]+:\/\//i.test(url)) return parsed;
  throw refused(
    "This is not the URL of a repository.",
    "Write it with its protocol, such as https://host/path or ssh://git@host/path.",
  );
}

function refused(message: string, hint: string): GitError {
  return new GitError("Refused", message, { hint });
}
