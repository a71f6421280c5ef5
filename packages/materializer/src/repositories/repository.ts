import { MaterializerError } from "../errors.ts";
import type { Queryable } from "../database/in-transaction.ts";
import { options, text } from "../options/allowed.ts";
import { checkOptions } from "../options/check-options.ts";

/** A registered repository, as every stage reads it. */
export interface Repository {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  /** Parsed blobs are shared inside one scope and never across. */
  readonly scope: string;
  /** Claims are fair between tenants, then between repositories. */
  readonly tenant: string;
  /** Patterns of live branches; empty means the repository's default branch. */
  readonly live: readonly string[];
  readonly drafts: readonly string[];
  /** The remote's default branch as last observed, a full ref. */
  readonly defaultRef: string | null;
  readonly projectorName: string;
  /** Identity of the projector whose versions are wanted. */
  readonly projector: string;
  readonly pausedAt: Date | null;
  /** Why deletions are held back, if they are; `CONFIRMED` once somebody has let them through. */
  readonly guard: string | null;
}

/** Stands in place of the reason from `confirmDeletions` until the next observation. */
export const CONFIRMED = "confirmed";

/** Of the table `repositories`, as `r`. */
export const repositoryColumns = `
  r.id::text, r.name, r.url, r.scope, r.tenant, r.live, r.drafts, r.default_ref as "defaultRef",
  r.projector_name as "projectorName", r.projector, r.paused_at as "pausedAt", r.guard`;

const repositoryName = options({ repository: text() });

/** @throws MaterializerError `REPOSITORY_UNKNOWN`, `OPTION_INVALID` */
export async function findRepository(db: Queryable, name: string): Promise<Repository> {
  checkRepositoryName(name);
  const { rows } = await db.query<Repository>(
    `select ${repositoryColumns} from headstart_materializer.repositories r where r.name = $1`,
    [name],
  );
  return rows[0] ?? unknownRepository(name);
}

/** @throws MaterializerError `OPTION_INVALID` */
export function checkRepositoryName(name: string): void {
  checkOptions("A call that names a repository", repositoryName, { repository: name });
}

export function unknownRepository(name: string): never {
  throw new MaterializerError(
    "REPOSITORY_UNKNOWN",
    `No repository is registered as ${JSON.stringify(name)}.`,
    {
      hint: "Register it first: materializer.register({ name, url, projector }).",
    },
  );
}
