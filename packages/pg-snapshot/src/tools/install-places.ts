import { readdir, realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, delimiter, join } from "node:path";

/** Parents of versioned Postgres installations, each with the way from a version to its programs. */
const versionedPlaces: readonly {
  readonly parent: string;
  readonly programs: string;
  readonly name: RegExp;
}[] = [
  { parent: "/usr/lib/postgresql", programs: "bin", name: /^\d+/ },
  { parent: "/usr", programs: "bin", name: /^pgsql-\d+$/ },
  { parent: "/opt/homebrew/opt", programs: "bin", name: /^postgresql@\d+$|^libpq$/ },
  { parent: "/usr/local/opt", programs: "bin", name: /^postgresql@\d+$|^libpq$/ },
  { parent: "/home/linuxbrew/.linuxbrew/opt", programs: "bin", name: /^postgresql@\d+$|^libpq$/ },
  { parent: "/Applications/Postgres.app/Contents/Versions", programs: "bin", name: /^\d+/ },
  { parent: join(homedir(), ".asdf/installs/postgres"), programs: "bin", name: /^\d+/ },
];

const singlePlaces = ["/usr/local/pgsql/bin", "/opt/homebrew/bin", "/usr/local/bin", "/usr/bin"];

/**
 * Folders that may hold Postgres programs: those given, then `PATH`, then the places where packages put them.
 * Symbolic links are followed, so that one installation shows up once.
 */
export async function programFolders(
  given: readonly (string | undefined)[],
  path: string | undefined = process.env["PATH"],
): Promise<string[]> {
  const onPath = (path ?? "").split(delimiter).filter((folder) => folder.startsWith("/"));
  const versioned = await Promise.all(versionedPlaces.map(expandPlace));
  const folders = new Set<string>();
  for (const folder of [...given, ...onPath, ...versioned.flat(), ...singlePlaces]) {
    if (folder) folders.add(await realpath(folder).catch(() => folder));
  }
  return [...folders];
}

async function expandPlace({ parent, programs, name }: (typeof versionedPlaces)[number]): Promise<string[]> {
  const versions = await readdir(parent).catch(() => []);
  return versions.filter((version) => name.test(version)).map((version) => join(parent, version, programs));
}

/**
 * The program behind `folder`/`name`, with links followed; `undefined` when there is none. Debian puts a script
 * on `PATH` that picks a version by rules of its own (`pg_wrapper`): the real programs are found beside it.
 */
export async function programIn(folder: string, name: string): Promise<string | undefined> {
  const program = await realpath(join(folder, name)).catch(() => undefined);
  return program === undefined || basename(program) === "pg_wrapper" ? undefined : program;
}
