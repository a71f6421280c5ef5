import { requirement, stripRule } from "@headstart/pg-snapshot/snapshots";
import { z } from "zod";

const text = z.string().min(1, "expected a text that is not empty");
const aboveZero = "expected a number above 0";

const root = z.strictObject({
  /** A folder or a file. */
  path: text,
  /** Globs of what counts; `!` takes away again, the last one that matches decides. Default: everything. */
  include: z.array(text).min(1, "expected at least one glob").optional(),
  /** Globs of what never counts. */
  exclude: z.array(text).optional(),
  /** Leaves out what git ignores. Default: false. */
  gitignore: z.boolean().optional(),
  /** Hashes text files as if they were checked out with LF. Default: the bytes as they are. */
  eol: z.literal("lf").optional(),
});

/** What the build function of a target is given. */
export interface BuildContext {
  /** Connection URL of the empty database. */
  readonly url: string;
  /** Name of that database. */
  readonly name: string;
  /** Aborts when the build has to end. */
  readonly signal: AbortSignal;
  /** Shows a few words on the progress line. */
  report(detail: string): void;
}

export type BuildFunction = (context: BuildContext) => Promise<void>;

const build = z.union(
  [
    z.strictObject({
      /** The program and its arguments, run without a shell in the folder of the configuration. */
      command: z.tuple([text], z.string()),
    }),
    z.custom<BuildFunction>((value) => typeof value === "function"),
  ],
  { error: 'expected { command: ["program", "argument"] } or a function' },
);

const snapshot = z.strictObject({
  /** Folder of the committed snapshots. */
  directory: text,
  /** `after-build` saves whenever the build ran, `on-request` only for `--update-snapshot`. */
  save: z.enum(["on-request", "after-build"]).default("on-request"),
  /** A dump larger than this gets a warning. */
  warnAboveBytes: z.number().int().positive(aboveZero).default(20_000_000),
});

const target = z.strictObject({
  /** Change it to throw away what was made before, for a reason that no input shows. */
  version: z.union([z.number(), text], { error: "expected a number or a text" }).default(1),
  /** Everything that the database is made from, by names of your choice. */
  inputs: z
    .record(text, z.union([text, root], { error: "expected a path or { path, include, exclude, … }" }))
    .refine((inputs) => Object.keys(inputs).length > 0, "expected at least one named input"),
  /** Variables that the build sees, and that therefore count. */
  environment: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "expected the name of a variable"))
    .default([]),
  /** Fills the empty database. */
  build,
  /** What is removed from the snapshot before it is saved. */
  strip: z.array(stripRule).default([]),
  /** What must be there when the build or the restore says that it is done. */
  require: z.array(requirement).default([]),
  /** Where a snapshot is kept to be committed. Default: there is none. */
  snapshot: snapshot.optional(),
  /** Milliseconds for a preparation, waiting for others included. */
  deadlineMs: z.number().int().positive(aboveZero).default(3_600_000),
});

const server = z.strictObject({
  /** A server that runs; what it leaves out comes from the `PG*` variables. Default: DATABASE_URL. */
  url: z
    .string()
    .regex(/^postgres(ql)?:\/\//, "expected an address that starts with postgres://")
    .optional(),
  /** The server that is started where neither `url` nor DATABASE_URL names one. */
  embedded: z
    .strictObject({
      /** Where it lives; who names the same folder shares it. Default: in the user's cache. */
      directory: text.optional(),
      /** Folder of `initdb` and `postgres`, where pg_dump and pg_restore may lie too. Default: found. */
      binaries: text.optional(),
      /** Settings of Postgres, for example `{ max_connections: "200" }`. */
      settings: z.record(text, z.string()).optional(),
    })
    .optional(),
  /** Where pg_dump and pg_restore are. */
  tools: z
    .strictObject({
      /** Runs them inside something else, for example `["docker", "compose", "exec", "-T", "db"]`. */
      prefix: z.array(text).min(1, "expected a program").optional(),
      /** Their folder. Default: found. */
      directory: text.optional(),
    })
    .optional(),
});

const projections = z.strictObject({
  /** A module whose default export is what `createBootstrap` takes, without the pool. */
  module: text,
  /** The variable that holds the address of the database. */
  address: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "expected the name of a variable")
    .default("DATABASE_URL"),
});

export const configSchema = z.strictObject({
  server: server.default({}),
  /** The read models that `headstart projections` is about. Default: there are none. */
  projections: projections.optional(),
  targets: z
    .record(text, target)
    .refine((targets) => Object.keys(targets).length > 0, "expected at least one target")
    .refine(
      (targets) => !Object.keys(targets).some((name) => /\p{Cc}/u.test(name)),
      "expected names without control characters",
    ),
});

/** What a configuration file holds. Paths in it are relative to the file. */
export type HeadstartConfig = z.input<typeof configSchema>;
export type TargetConfig = z.output<typeof target>;
export type ParsedConfig = z.output<typeof configSchema>;
