import { z } from "zod";

const strategies = ["file_copy", "wal_log", "file_clone"] as const;

/**
 * How `CREATE DATABASE` copies a template: `file_copy` copies files between two checkpoints, `wal_log` writes
 * blocks through the log (Postgres 15+), `file_clone` shares blocks on file systems with reflinks (18+).
 */
export type CloneStrategy = (typeof strategies)[number];

/** What a template database says of itself in its `COMMENT ON DATABASE`. */
export const templateDescription = z.object({
  headstart: z.literal("template/1"),
  target: z.string(),
  digest: z.string(),
  /** Which tier made it. */
  source: z.enum(["snapshot", "build"]),
  createdAt: z.string(),
  /** Advanced at most once an hour; what `prune` calls least recently used. */
  lastUsedAt: z.string(),
  /** Milliseconds that the build of this content took, when known: here or where the snapshot was made. */
  buildMs: z.number().nullable(),
  /** For example `15.18`. */
  serverVersion: z.string(),
  strategy: z.enum(strategies).nullable(),
  /** Milliseconds of a probing clone by each strategy that the server has. */
  probe: z.record(z.string(), z.number()),
  /** Rows of `pg_db_role_setting`, which `CREATE DATABASE` does not copy. */
  settings: z.array(z.object({ role: z.string().nullable(), settings: z.array(z.string()) })),
  /** Grants on the database itself, which it does not copy either; `null` stands for the default. */
  privileges: z.array(z.string()).nullable(),
});

export type TemplateDescription = z.infer<typeof templateDescription>;

/** The description in a database's comment; `undefined` when the comment is not one of ours. */
export function parseDescription(comment: string | null): TemplateDescription | undefined {
  if (comment === null || !comment.startsWith("{")) return undefined;
  try {
    return templateDescription.safeParse(JSON.parse(comment)).data;
  } catch {
    return undefined;
  }
}
