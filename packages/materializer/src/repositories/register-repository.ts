import picomatch from "picomatch";
import { z } from "zod";
import type { Context } from "../context.ts";
import { projectorNamed } from "../context.ts";
import { inTransaction } from "../database/in-transaction.ts";
import { MaterializerError } from "../errors.ts";
import { checkUrl } from "../git/check-url.ts";

/** Postgres text holds no NUL. */
const withoutNul = /^[^\0]*$/u;

const pattern = z
  .string()
  .min(1)
  .max(255)
  .regex(withoutNul, "must not contain NUL")
  .refine(
    (text) => !text.startsWith("refs/"),
    "is matched against the short branch name: leave refs/heads/ out",
  )
  .refine((text) => picomatch.makeRe(text) instanceof RegExp, "is not a glob");

const name = z.string().min(1).max(255).regex(withoutNul, "must not contain NUL");

const registration = z.strictObject({
  name,
  url: z.string().min(1).max(2048),
  projector: z.string().min(1),
  live: z.array(pattern).max(20).default([]),
  drafts: z.array(pattern).max(20).default(["drafts/**"]),
  scope: name.optional(),
  tenant: name.optional(),
  readopt: z.boolean().default(false),
});

/** What to register. Defaults: live is the default branch, drafts are `drafts/**`, scope and tenant the name. */
export type Registration = z.input<typeof registration>;

export interface Registered {
  readonly repository: string;
  /**
   * `created`, `unchanged`, `updated` (url, patterns, scope or tenant), or `rebuilding`: the projector's identity
   * is new, so every branch is built again while its old version is served.
   */
  readonly outcome: "created" | "unchanged" | "updated" | "rebuilding";
}

interface Stored {
  id: string;
  url: string;
  projector: string;
  superseded: string[];
  same: boolean;
}

/**
 * Registers a repository or brings its registration up to date. Safe to call at every start of every worker.
 *
 * A projector whose identity was already replaced by a newer one is refused, else two releases that run side by
 * side during a deployment would order rebuilds against each other; `readopt: true` goes back on purpose.
 *
 * @throws MaterializerError `REPOSITORY_INVALID`, `PROJECTOR_UNKNOWN`, `PROJECTOR_SUPERSEDED`
 */
export async function registerRepository(context: Context, input: Registration): Promise<Registered> {
  const wanted = parseRegistration(input);
  const url = checkUrl(wanted.url, context.mirrors.settings);
  const { identity } = projectorNamed(context, wanted.projector);
  const settings = [
    wanted.name,
    url,
    wanted.live,
    wanted.drafts,
    wanted.scope ?? wanted.name,
    wanted.tenant ?? wanted.name,
  ];
  return await inTransaction(context.db, async (client) => {
    const created = await client.query(
      `insert into headstart_materializer.repositories
         (name, url, live, drafts, scope, tenant, projector_name, projector)
       values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (name) do nothing`,
      [...settings, wanted.projector, identity],
    );
    if (created.rowCount === 1) return { repository: wanted.name, outcome: "created" };
    const { rows } = await client.query<Stored>(
      `select id::text, url, projector, superseded_projectors as superseded,
              (url, live, drafts, scope, tenant, projector_name) is not distinct from
              ($2::text, $3::text[], $4::text[], $5::text, $6::text, $7::text) as same
       from headstart_materializer.repositories where name = $1 for no key update`,
      [...settings, wanted.projector],
    );
    const stored = rows[0];
    if (stored === undefined) return { repository: wanted.name, outcome: "unchanged" };
    const rebuilding = stored.projector !== identity;
    if (rebuilding && stored.superseded.includes(identity) && !wanted.readopt) refuse(wanted.name);
    if (stored.same && !rebuilding) return { repository: wanted.name, outcome: "unchanged" };
    await client.query(
      `update headstart_materializer.repositories
       set url = $2, live = $3, drafts = $4, scope = $5, tenant = $6, projector_name = $7, projector = $8,
           superseded_projectors = case when projector = $8 then superseded_projectors
             else array_append(array_remove(superseded_projectors, $8), projector) end,
           hints = hints + 1, observe_at = now(), not_before = case when url = $2 then not_before end
       where name = $1`,
      [...settings, wanted.projector, identity],
    );
    if (rebuilding) await rebuildBranches(client, stored.id);
    return { repository: wanted.name, outcome: rebuilding ? "rebuilding" : "updated" };
  });
}

/** Gives every branch a new wanted state of the same commit: the queue then does the rest. */
async function rebuildBranches(
  client: { query(sql: string, values: unknown[]): Promise<unknown> },
  repositoryId: string,
): Promise<void> {
  await client.query(
    `with numbered as (
       select b.id, r.last_seq + row_number() over (order by (b.class <> 'live'), b.id) as seq
       from headstart_materializer.branches b
       join headstart_materializer.repositories r on r.id = b.repository_id
       where b.repository_id = $1 and b.deleted_at is null
     ), renewed as (
       update headstart_materializer.branches b
       set desired_seq = n.seq, desired_at = now(), dirty = true, due_at = now(), attempts = 0, parked_at = null
       from numbered n where n.id = b.id returning b.desired_seq
     )
     update headstart_materializer.repositories
     set last_seq = greatest(last_seq, coalesce((select max(desired_seq) from renewed), 0)) where id = $1`,
    [repositoryId],
  );
}

function parseRegistration(input: Registration): z.output<typeof registration> {
  const result = registration.safeParse(input);
  if (result.success) return result.data;
  throw new MaterializerError(
    "REPOSITORY_INVALID",
    `The registration is not valid.\n${z.prettifyError(result.error)}`,
    {
      hint: "Correct the named keys: { name, url, projector, live?, drafts?, scope?, tenant?, readopt? }.",
    },
  );
}

function refuse(name: string): never {
  throw new MaterializerError(
    "PROJECTOR_SUPERSEDED",
    `${JSON.stringify(name)} is already projected by a newer revision of this projector, or under newer limits.`,
    {
      hint: "Nothing to do while an older release is being replaced. To go back on purpose, register with readopt: true.",
    },
  );
}
