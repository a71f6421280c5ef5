import { constants } from "node:fs";
import { access, readdir, realpath, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, delimiter, join } from "node:path";

/** Parents of versioned Postgres installations: packages of Linux, Homebrew, Postgres.app, version managers. */
const versionedPlaces = (home: string): readonly { readonly parent: string; readonly name: RegExp }[] => [
  { parent: "/usr/lib/postgresql", name: /^\d+/ },
  { parent: "/usr", name: /^pgsql-\d+$/ },
  { parent: "/usr/libexec", name: /^postgresql\d+$/ },
  { parent: "/opt/homebrew/opt", name: /^postgresql@\d+$|^libpq$/ },
  { parent: "/usr/local/opt", name: /^postgresql@\d+$|^libpq$/ },
  { parent: "/home/linuxbrew/.linuxbrew/opt", name: /^postgresql@\d+$|^libpq$/ },
  { parent: "/Applications/Postgres.app/Contents/Versions", name: /^\d+/ },
  { parent: join(home, ".asdf/installs/postgres"), name: /^\d+/ },
  { parent: join(home, ".local/share/mise/installs/postgres"), name: /^\d+/ },
];

const singlePlaces = ["/usr/local/pgsql/bin", "/opt/homebrew/bin", "/usr/local/bin", "/usr/bin"];

/**
 * Folders that may hold Postgres programs: those on `PATH`, then the places where packages put them. Symbolic
 * links are followed, so that one installation shows up once.
 */
export async function programFolders(path: string | undefined = process.env["PATH"]): Promise<string[]> {
  const onPath = (path ?? "").split(delimiter).filter((folder) => folder.startsWith("/"));
  const versioned = await Promise.all(versionedPlaces(homedir()).map(expandPlace));
  const folders = new Set<string>();
  for (const folder of [...onPath, ...versioned.flat(), ...singlePlaces]) {
    folders.add(await realpath(folder).catch(() => folder));
  }
  return [...folders];
}

/** Alpine keeps the programs in the version's folder itself, everybody else in its `bin`. */
async function expandPlace({ parent, name }: { readonly parent: string; readonly name: RegExp }) {
  const versions = (await readdir(parent).catch(() => [])).filter((version) => name.test(version));
  return versions.flatMap((version) => [join(parent, version, "bin"), join(parent, version)]);
}

/**
 * The program behind `folder`/`name`, with links followed; `undefined` when there is none that can be run.
 * Debian puts a script on `PATH` that picks a version by rules of its own (`pg_wrapper`): the real programs are
 * found where it looks for them.
 */
export async function programIn(folder: string, name: string): Promise<string | undefined> {
  try {
    const program = await realpath(join(folder, name));
    await access(program, constants.X_OK);
    const runnable = (await stat(program)).isFile() && basename(program) !== "pg_wrapper";
    return runnable ? program : undefined;
  } catch {
    return undefined;
  }
}
