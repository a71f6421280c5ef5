import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { PgSnapshotError } from "../errors.ts";

/** What a server's entry is looked up by. */
export interface PasswordKey {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The password that libpq would take for a connection that states none:
 * https://www.postgresql.org/docs/current/libpq-pgpass.html
 *
 * @returns `undefined` when no entry fits or there is no file
 * @throws {PgSnapshotError} `AUTHENTICATION_FAILED` for a file that others may read, which libpq ignores
 */
export function passwordFromFile(
  key: PasswordKey,
  environment: Environment = process.env,
): string | undefined {
  const text = readPrivate(environment["PGPASSFILE"] || usualFile(environment));
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const [host, port, database, user, password] = fieldsOf(line);
    if (password === undefined) continue;
    const fits =
      isHost(host, key.host) &&
      isMatch(port, String(key.port)) &&
      isMatch(database, key.database) &&
      isMatch(user, key.user);
    if (fits) return unescaped(password);
  }
  return undefined;
}

function usualFile(environment: Environment): string {
  if (process.platform === "win32") return join(environment["APPDATA"] ?? "", "postgresql", "pgpass.conf");
  return join(environment["HOME"] ?? homedir(), ".pgpass");
}

function readPrivate(file: string): string {
  try {
    const found = statSync(file);
    if (!found.isFile()) return "";
    // Windows keeps it in a folder that is the user's own.
    if (process.platform !== "win32" && (found.mode & 0o077) !== 0) throw readableByOthers(file);
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof PgSnapshotError) throw error;
    return "";
  }
}

function readableByOthers(file: string): PgSnapshotError {
  return new PgSnapshotError(
    "AUTHENTICATION_FAILED",
    `the server asks for a password, and "${file}" is ignored because others may read it`,
    { hint: `chmod 0600 "${file}"` },
  );
}

/** As they are written, for an escaped star is a letter and no wildcard. */
function fieldsOf(line: string): (string | undefined)[] {
  return [...line.matchAll(/(?:^|:)((?:\\.|[^:\\])*)/g)].map(([, field]) => field);
}

function isHost(field: string | undefined, host: string): boolean {
  // libpq takes sockets in their usual place for `localhost`.
  return isMatch(field, host) || (/^\/(tmp|(var\/)?run\/postgresql)$/.test(host) && field === "localhost");
}

function isMatch(field: string | undefined, value: string): boolean {
  return field === "*" || (field !== undefined && unescaped(field) === value);
}

function unescaped(field: string): string {
  return field.replace(/\\(.)/g, "$1");
}
