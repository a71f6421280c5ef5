import { CliError } from "../../cli-error.ts";
import { didYouMean } from "../../suggest.ts";
import type { OpenMaterialize } from "./open-materialize.ts";

/** How a command was told what it is about: by position, by option, or not at all. */
export interface Names {
  readonly repository?: string | undefined;
  readonly branch?: string | undefined;
}

/** A branch by its short name. */
export interface ChosenBranch {
  readonly repository: string;
  readonly branch: string;
}

export function shortName(ref: string): string {
  return ref.startsWith("refs/heads/") ? ref.slice("refs/heads/".length) : ref;
}

export function fullRef(branch: string): string {
  return branch.startsWith("refs/heads/") ? branch : `refs/heads/${branch}`;
}

/**
 * The repository that was named, or the only one there is.
 *
 * @throws {CliError} `REPOSITORY_UNKNOWN` with the nearest known one, `USAGE`
 */
export async function chooseRepository(
  { db, config }: OpenMaterialize,
  { repository }: Names,
): Promise<string> {
  const { rows } = await db.query<{ name: string }>(
    "select name from headstart_materializer.repositories order by name limit 5000",
  );
  const known = rows.map(({ name }) => name);
  if (repository === undefined) return onlyOne(known);
  if (known.includes(repository)) return repository;
  const configured = config.repositories.some(({ name }) => name === repository);
  throw new CliError(
    "REPOSITORY_UNKNOWN",
    configured
      ? `the configuration has "${repository}", but no worker has registered it yet`
      : `no repository "${repository}"${didYouMean(repository, known)}`,
    {
      hint: configured
        ? `start headstart-worker, or: headstart materialize sync ${repository} --here`
        : known.length === 0
          ? "none is registered: add one to the worker's configuration"
          : `it is one of: ${list(known)}`,
    },
  );
}

function onlyOne(known: readonly string[]): string {
  const [only, another] = known;
  if (only !== undefined && another === undefined) return only;
  throw new CliError(
    "USAGE",
    only === undefined ? "no repository is registered yet" : "which repository? there are several",
    {
      hint:
        only === undefined
          ? "start headstart-worker, or: headstart materialize sync <repository> --here"
          : `name one of: ${list(known)}`,
    },
  );
}

/**
 * The branch that was named, or the repository's live one.
 *
 * @throws {CliError} `BRANCH_UNKNOWN` with the nearest known one, and what `chooseRepository` throws
 */
export async function chooseBranch(open: OpenMaterialize, names: Names): Promise<ChosenBranch> {
  const repository = await chooseRepository(open, names);
  const { branch } = names;
  const { rows } = await open.db.query<{ ref: string }>(
    `select b.ref from headstart_materializer.branches b
     join headstart_materializer.repositories r on r.id = b.repository_id
     where r.name = $1 and (b.ref = $2 or $2 is null and b.class = 'live' and b.deleted_at is null)
     order by b.ref is distinct from r.default_ref, b.ref limit 1`,
    [repository, branch === undefined ? null : fullRef(branch)],
  );
  const found = rows[0];
  if (found !== undefined) return { repository, branch: shortName(found.ref) };
  throw await unknownBranch(open, repository, branch);
}

async function unknownBranch(
  { db }: OpenMaterialize,
  repository: string,
  branch: string | undefined,
): Promise<CliError> {
  if (branch === undefined) {
    return new CliError("BRANCH_UNKNOWN", `"${repository}" has no live branch yet`, {
      hint: `look at git: headstart materialize sync ${repository}`,
    });
  }
  const { rows } = await db.query<{ ref: string }>(
    `select b.ref from headstart_materializer.branches b
     join headstart_materializer.repositories r on r.id = b.repository_id
     where r.name = $1 and b.deleted_at is null order by b.class <> 'live', b.desired_at desc limit 5000`,
    [repository],
  );
  const known = rows.map(({ ref }) => shortName(ref));
  const name = shortName(branch);
  return new CliError("BRANCH_UNKNOWN", `"${repository}" has no branch "${name}"${didYouMean(name, known)}`, {
    hint: `headstart materialize status ${repository} --all lists them; one that was just pushed comes with: headstart materialize sync ${repository}`,
  });
}

function list(names: readonly string[]): string {
  return names.length > 8 ? `${names.slice(0, 8).join(", ")} and ${names.length - 8} more` : names.join(", ");
}
