import type { Projector } from "@headstart/materializer";
import { z } from "zod";
import { amqpConfig } from "../amqp/amqp-config.ts";
import { webhooksConfig } from "../webhooks/webhooks-config.ts";
import { secretSource } from "./secret-source.ts";
import { ageMs, waitMs } from "./times.ts";

const text = z.string().min(1, "expected a text that is not empty");

const projector = z.custom<Projector>(
  (value) =>
    typeof value === "object" &&
    value !== null &&
    ["name", "identity"].every((key) => typeof (value as Record<string, unknown>)[key] === "string") &&
    ["select", "parse", "assemble"].every(
      (key) => typeof (value as Record<string, unknown>)[key] === "function",
    ),
  "expected a projector: defineProjector({ … }) of @headstart/materializer",
);

/** The materializer checks the rest when the repository is registered; this is so that no secret is ever printed. */
const plainUrl = text.max(2048).refine((url) => {
  if (!URL.canParse(url)) return true;
  const { protocol, username, password, search } = new URL(url);
  return password === "" && search === "" && (username === "" || protocol === "ssh:");
}, "expected an address without user, password or query: name the secret in `credential`");

const repository = z.strictObject({
  name: text.max(255),
  url: plainUrl,
  /** Name of one of `projectors`. */
  projector: text,
  /** Globs of short branch names. Default: the remote's default branch. */
  live: z.array(text).optional(),
  /** Default: `drafts/**`. */
  drafts: z.array(text).optional(),
  scope: text.optional(),
  tenant: text.optional(),
  credential: z.strictObject({ username: text.optional(), password: secretSource }).optional(),
});

/** What Postgres counts in four bytes. */
const count = z
  .int("expected a whole number")
  .min(1, "expected at least 1")
  .max(2 ** 31 - 1, `expected at most ${2 ** 31 - 1}`);

/** Limits of what git brings; see `GitLimits` of the materializer for each one's default. */
const limits = z
  .strictObject({
    maxFiles: count,
    maxFileBytes: z.int().positive(),
    maxTotalBytes: z.int().positive(),
    maxPathBytes: z.int().positive(),
    maxPathDepth: count,
    maxRefs: count,
    maxFetchBytes: z.int().positive(),
    maxObjectMemory: z.int().positive(),
  })
  .partial();

export const mostConcurrency = 64;
export const concurrency = z
  .int("expected a whole number")
  .min(1, "expected at least 1")
  .max(mostConcurrency, `expected at most ${mostConcurrency}`);

export const http = z.strictObject({
  host: text.default("127.0.0.1"),
  /** 0 takes a free one, which the log names. */
  port: z
    .int("expected a whole number")
    .min(0, "expected a port")
    .max(65_535, "expected a port")
    .default(8080),
  /** Allows the status page's actions. Default: the page is read-only. */
  token: secretSource.optional(),
  /**
   * How long requests are taken after the signal to end, so that load balancers notice that it is not ready: most ask
   * every few seconds.
   */
  lingerMs: waitMs(0).default(10_000),
});

export const configSchema = z
  .strictObject({
    /** The connection URL. */
    database: secretSource.default({ env: "DATABASE_URL" }),
    projectors: z.array(projector).min(1, "expected at least one projector"),
    repositories: z.array(repository).default([]),
    mirrors: z.strictObject({
      /** Relative to the configuration's folder. One folder a machine, shared by its workers. */
      directory: text,
      protocols: z.array(z.enum(["https", "http", "ssh", "file"])).optional(),
      hosts: z.array(text).optional(),
      limits: limits.optional(),
      timeoutMs: waitMs(1).optional(),
    }),
    http: http.prefault({}),
    webhooks: webhooksConfig.prefault({}),
    /** Absent: no RabbitMQ. */
    amqp: amqpConfig.optional(),
    reconcile: z
      .strictObject({
        /** Builds at a time in this process. */
        concurrency: concurrency.default(4),
        leaseMs: waitMs(1_000).default(30_000),
        history: count.default(10),
        maxAttempts: count.default(8),
      })
      .prefault({}),
    observe: z
      .strictObject({
        /** Repositories looked at at a time in this process: a remote that does not answer holds up one of them. */
        concurrency: concurrency.default(4),
        pollMinMs: waitMs(100).default(45_000),
        /** The longest time a repository goes unobserved: the promise on staleness without webhooks. */
        pollMaxMs: waitMs(100).default(900_000),
      })
      .prefault({})
      .refine(({ pollMinMs, pollMaxMs }) => pollMinMs <= pollMaxMs, {
        path: ["pollMaxMs"],
        error: "expected a time that is not below pollMinMs",
      }),
    /** One branch is verified against git each time. */
    audit: z.strictObject({ everyMs: waitMs(100).default(60_000) }).prefault({}),
    retention: z
      .strictObject({
        everyMs: waitMs(100).default(600_000),
        deliveriesMs: ageMs(1).default(30 * 86_400_000),
        /** How long a branch's events stay that every consumer has read, and the rows of deleted branches. */
        eventsMs: ageMs(1).default(30 * 86_400_000),
        /** How long a worker that vanished stays listed. */
        workersMs: ageMs(30_000).default(86_400_000),
      })
      .prefault({}),
    /** How long ending may take, from the signal on. */
    drainMs: waitMs(1_000).default(25_000),
  })
  .refine(({ drainMs, http: { lingerMs } }) => drainMs > lingerMs, {
    path: ["drainMs"],
    error: "expected more than http.lingerMs, which is a part of it",
  })
  .superRefine(({ projectors, repositories }, context) => {
    const known = projectors.map(({ name }) => name);
    for (const [index, name] of known.entries()) {
      if (known.indexOf(name) === index) continue;
      const message = "expected a name that no other projector has";
      context.addIssue({ code: "custom", path: ["projectors", index, "name"], message });
    }
    const names = new Set<string>();
    for (const [index, { name, projector: wanted }] of repositories.entries()) {
      const issue = (key: string, message: string): void =>
        context.addIssue({ code: "custom", path: ["repositories", index, key], message });
      if (names.has(name)) issue("name", "expected a name that no other repository has");
      names.add(name);
      if (!known.includes(wanted)) issue("projector", `expected one of ${known.join(", ")}`);
    }
  });

/** What a configuration file holds. */
export type WorkerConfigInput = z.input<typeof configSchema>;
/** The same, checked and with its defaults. Secrets are named in it and never held. */
export type WorkerConfig = z.output<typeof configSchema>;
