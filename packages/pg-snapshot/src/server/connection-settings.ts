import { readFileSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { PgSnapshotError } from "../errors.ts";
import { startupOptions } from "./startup-options.ts";

/** Where a server is and who we are there. Without `password`, `.pgpass` and the server's own rules decide. */
export interface ConnectionSettings {
  /** Host name, address, or the directory of a Unix socket (then it starts with `/`). */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly password?: string | undefined;
  readonly ssl?: boolean | TlsOptions | undefined;
  /** libpq's TLS parameters as given (`sslmode`, `sslrootcert`, …), handed on to pg_dump and pg_restore. */
  readonly sslParameters?: Readonly<Record<string, string>> | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const sslVariables = {
  sslmode: "PGSSLMODE",
  sslrootcert: "PGSSLROOTCERT",
  sslcert: "PGSSLCERT",
  sslkey: "PGSSLKEY",
  sslcrl: "PGSSLCRL",
} as const;

/**
 * Connection settings from a `postgres://` URL, completed as libpq would: a service (`?service=` or
 * `PGSERVICE`), then the `PG*` variables, then defaults.
 *
 * @throws {PgSnapshotError} `CONNECTION_SETTINGS_INVALID`
 */
export function resolveConnection(url?: string, environment: Environment = process.env): ConnectionSettings {
  const given = url === undefined ? {} : parseUrl(url);
  const serviceName = given["service"] ?? environment["PGSERVICE"];
  const service = serviceName ? readService(serviceName, environment) : {};
  const from = (key: string, variable: string): string | undefined =>
    given[key] || service[key] || environment[variable] || undefined;

  const sslParameters: Record<string, string> = {};
  for (const [key, variable] of Object.entries(sslVariables)) {
    const value = from(key, variable);
    if (value) sslParameters[key] = value;
  }
  const user = from("user", "PGUSER") ?? userInfo().username;
  const port = Number(from("port", "PGPORT") ?? 5432);
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw invalid(`the port is not a number from 1 to 65535`);
  }
  return {
    host: from("host", "PGHOST") ?? "localhost",
    port,
    user,
    database: from("dbname", "PGDATABASE") ?? user,
    password: from("password", "PGPASSWORD"),
    ssl: tlsOptions(sslParameters),
    sslParameters,
  };
}

/** The variables that make a libpq tool connect as `settings` say; the password only where there is one. */
export function toolEnvironment(settings: ConnectionSettings, database: string): Record<string, string> {
  const environment: Record<string, string> = {
    PGHOST: settings.host,
    PGPORT: String(settings.port),
    PGUSER: settings.user,
    PGDATABASE: database,
    PGCONNECT_TIMEOUT: "10",
    PGOPTIONS: startupOptions(),
  };
  if (settings.password !== undefined) environment["PGPASSWORD"] = settings.password;
  for (const [key, variable] of Object.entries(sslVariables)) {
    const value = settings.sslParameters?.[key];
    if (value) environment[variable] = value;
  }
  return environment;
}

/** A `postgres://` URL for `database`, with the password where there is one: for callers, never for logs. */
export function databaseUrl(settings: ConnectionSettings, database: string = settings.database): string {
  const auth = [settings.user, ...(settings.password === undefined ? [] : [settings.password])]
    .map(encodeURIComponent)
    .join(":");
  const socket = settings.host.startsWith("/");
  const host = socket ? "" : settings.host.includes(":") ? `[${settings.host}]` : settings.host;
  const query = new URLSearchParams(settings.sslParameters ?? {});
  if (socket) {
    query.set("host", settings.host);
    query.set("port", String(settings.port));
  }
  const search = query.size > 0 ? `?${query.toString()}` : "";
  const authority = socket ? `${auth}@` : `${auth}@${host}:${settings.port}`;
  return `postgres://${authority}/${encodeURIComponent(database)}${search}`;
}

/** The server of `settings` in words fit for messages: no password. */
export function describeServer(settings: ConnectionSettings): string {
  return `${settings.user}@${settings.host}:${settings.port}`;
}

/** libpq keywords (`host`, `dbname`, …) out of a URL: https://www.postgresql.org/docs/current/libpq-connect.html */
function parseUrl(url: string): Record<string, string | undefined> {
  if (!/^(postgres|postgresql):/.test(url)) {
    throw invalid(`the server's address does not start with "postgres://"`);
  }
  try {
    // libpq allows an empty host after a user (`postgres://me@/db?host=/run`), the URL standard does not.
    const parsed = new URL(url.replace(/^([^/?]*:\/\/[^/?]*@)\//, `$1${emptyHost}/`));
    const host = parsed.hostname === emptyHost ? "" : decodeURIComponent(parsed.hostname);
    return {
      ...Object.fromEntries(parsed.searchParams),
      ...nonEmpty({
        host: host.replace(/^\[(.*)\]$/, "$1"),
        port: parsed.port,
        user: decodeURIComponent(parsed.username),
        password: decodeURIComponent(parsed.password),
        dbname: decodeURIComponent(parsed.pathname.slice(1)),
      }),
    };
  } catch {
    // The parser's own message repeats the URL, and with it the password.
    throw invalid("the server's address is no valid URL");
  }
}

const emptyHost = "empty-host.invalid";

function nonEmpty(fields: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ""));
}

/** One section of a libpq service file: https://www.postgresql.org/docs/current/libpq-pgservice.html */
function readService(name: string, environment: Environment): Record<string, string> {
  const candidates = [
    environment["PGSERVICEFILE"] ?? join(environment["HOME"] ?? homedir(), ".pg_service.conf"),
    ...(environment["PGSYSCONFDIR"] ? [join(environment["PGSYSCONFDIR"], "pg_service.conf")] : []),
  ];
  for (const file of candidates) {
    const section = serviceSection(file, name);
    if (section) return section;
  }
  throw invalid(`no service "${name}" in ${candidates.join(" or ")}`);
}

function serviceSection(file: string, name: string): Record<string, string> | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
  let section: Record<string, string> | undefined;
  for (const line of text.split(/\r?\n/).map((raw) => raw.trim())) {
    if (line.startsWith("[")) {
      if (section) break;
      if (line === `[${name}]`) section = Object.create(null) as Record<string, string>;
    } else if (section && line !== "" && !line.startsWith("#")) {
      const equals = line.indexOf("=");
      if (equals > 0) section[line.slice(0, equals).trim()] = line.slice(equals + 1).trim();
    }
  }
  return section;
}

/** libpq's `sslmode` as Node's TLS options: `require` encrypts without checking, `verify-*` check. */
function tlsOptions(parameters: Record<string, string>): boolean | TlsOptions | undefined {
  const mode = parameters["sslmode"];
  if (mode === undefined || mode === "disable" || mode === "allow" || mode === "prefer") return undefined;
  const read = (key: string): { file: string; text: Buffer } | undefined => {
    const file = parameters[key];
    if (!file || file === "system") return undefined;
    try {
      return { file, text: readFileSync(file) };
    } catch {
      throw invalid(`${key} names "${file}", which cannot be read`);
    }
  };
  const ca = read("sslrootcert")?.text;
  const cert = read("sslcert")?.text;
  const key = read("sslkey")?.text;
  const verified = mode === "verify-ca" || mode === "verify-full" || (mode === "require" && ca !== undefined);
  return {
    rejectUnauthorized: verified,
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(mode !== "verify-full" && verified && { checkServerIdentity: () => undefined }),
  };
}

function invalid(message: string): PgSnapshotError {
  return new PgSnapshotError("CONNECTION_SETTINGS_INVALID", message, {
    hint: `give the server as postgres://user@host:port/database, for example in DATABASE_URL`,
  });
}
