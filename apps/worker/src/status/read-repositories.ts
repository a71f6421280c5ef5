import type pg from "pg";
import type { RepositoryRow } from "./status-schema.ts";

interface RepositoryFacts {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly tenant: string;
  readonly projector: string;
  readonly defaultRef: string | null;
  readonly pausedAt: Date | null;
  readonly guard: string | null;
  readonly observedAt: Date | null;
  readonly changedAt: Date | null;
  readonly observeAt: Date;
  readonly failures: number;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly errorAt: Date | null;
}

/** Repositories that the page shows at most. */
const SHOWN = 2_000;

export async function readRepositories(db: pg.Pool): Promise<RepositoryRow[]> {
  const { rows } = await db.query<RepositoryFacts>(
    `select id::text, name, url, tenant, projector_name as projector, default_ref as "defaultRef",
            paused_at as "pausedAt", guard, observed_at as "observedAt", changed_at as "changedAt",
            greatest(observe_at, not_before) as "observeAt", observe_failures as failures, error_code as "errorCode",
            left(error_message, 500) as "errorMessage", error_at as "errorAt"
     from headstart_materializer.repositories order by name limit ${SHOWN}`,
  );
  return rows.map(repositoryRowOf);
}

function repositoryRowOf(facts: RepositoryFacts): RepositoryRow {
  return {
    id: facts.id,
    name: facts.name,
    url: withoutCredentials(facts.url),
    tenant: facts.tenant,
    projector: facts.projector,
    defaultBranch: facts.defaultRef?.replace(/^refs\/heads\//, "") ?? null,
    pausedAt: facts.pausedAt?.toISOString() ?? null,
    // Somebody let them through; the next look takes the mark away.
    guard: facts.guard === "confirmed" ? null : facts.guard,
    observedAt: facts.observedAt?.toISOString() ?? null,
    changedAt: facts.changedAt?.toISOString() ?? null,
    nextLookAt: facts.observeAt.toISOString(),
    failures: facts.failures,
    error:
      facts.errorCode === null
        ? null
        : {
            code: facts.errorCode,
            message: facts.errorMessage ?? "",
            at: facts.errorAt?.toISOString() ?? null,
          },
  };
}

/** `https://user:secret@host/x` becomes `https://host/x`; what is no URL, such as `git@host:x`, stays. */
export function withoutCredentials(url: string): string {
  // `user:secret@host/x` parses as well, with a scheme called `user`.
  if (!url.includes("://") || !URL.canParse(url)) return url.replace(/^[^@/]*:[^@/]*@/, "");
  const parsed = new URL(url);
  if (parsed.username === "" && parsed.password === "") return url;
  parsed.username = "";
  parsed.password = "";
  return parsed.href;
}
