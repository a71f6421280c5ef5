import { resolveConnection } from "@headstart/pg-snapshot";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What a build sees of the environment without declaring it: where things are on this machine and how to reach
 * the network, nothing that says what to build. All else has to be declared, and then it counts.
 */
export const ambientVariables: readonly string[] = [
  "PATH HOME USER LOGNAME SHELL TMPDIR LANG LC_ALL LC_CTYPE",
  "XDG_CACHE_HOME SSH_AUTH_SOCK SSL_CERT_FILE SSL_CERT_DIR NODE_EXTRA_CA_CERTS",
  "HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy",
  // Windows does not work without these.
  "Path PATHEXT SystemRoot ComSpec TEMP TMP USERPROFILE APPDATA LOCALAPPDATA",
].flatMap((names) => names.split(" "));

/** The environment of a build: the ambient and the declared variables, and the way to the empty database. */
export function buildEnvironment(
  environment: Environment,
  declared: readonly string[],
  url: string,
): Record<string, string> {
  const passed = [...ambientVariables, ...declared].flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(passed), ...connectionVariables(url, environment), DATABASE_URL: url };
}

const tlsVariables: Readonly<Record<string, string>> = {
  sslmode: "PGSSLMODE",
  sslrootcert: "PGSSLROOTCERT",
  sslcert: "PGSSLCERT",
  sslkey: "PGSSLKEY",
  sslcrl: "PGSSLCRL",
};

/** The same database for programs that read the `PG*` variables. */
function connectionVariables(url: string, environment: Environment): Record<string, string> {
  const { host, port, user, database, password, sslParameters = {} } = resolveConnection(url, {});
  const tls = Object.entries(sslParameters).map(([key, value]) => [tlsVariables[key] ?? key, value]);
  const passfile = environment["PGPASSFILE"];
  return {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGDATABASE: database,
    ...(password !== undefined && { PGPASSWORD: password }),
    ...(passfile !== undefined && { PGPASSFILE: passfile }),
    ...(Object.fromEntries(tls) as Record<string, string>),
  };
}
