import { z } from "zod";

const text = z.string().min(1);

const rootInput = z.union([
  text,
  z.strictObject({
    path: text,
    include: z.array(text).min(1).optional(),
    exclude: z.array(text).optional(),
    gitignore: z.boolean().optional(),
    eol: z.literal("lf").optional(),
  }),
]);

/** What the build function of a target is given. */
export interface BuildContext {
  /** Connection URL of the empty database. */
  readonly url: string;
  /** Aborts when the build has to end. */
  readonly signal: AbortSignal;
  /** Shows a few words on the progress line. */
  report(detail: string): void;
}

export type BuildFunction = (context: BuildContext) => Promise<void>;

const build = z.union(
  [
    z.strictObject({ command: z.tuple([text], text) }),
    z.custom<BuildFunction>((value) => typeof value === "function"),
  ],
  { error: 'expected { command: ["program", "argument"] } or a function' },
);

/** Checked again, with its table names, by pg-snapshot's own schema when the configuration is loaded. */
const stripRule = z.union(
  [
    z.strictObject({ truncate: text }),
    z.strictObject({ nullColumns: z.strictObject({ table: text, columns: z.array(text).min(1) }) }),
    z.strictObject({ deleteWhere: z.strictObject({ table: text, where: text }) }),
    z.strictObject({ sql: text }),
  ],
  {
    error:
      "expected one of { truncate }, { nullColumns: { table, columns } }, { deleteWhere: { table, where } }, { sql }",
  },
);

const snapshot = z.strictObject({
  /** Folder of the committed snapshots. */
  directory: text,
  /** `after-build` saves whenever the build ran, `on-request` only for `--update-snapshot`. */
  save: z.enum(["on-request", "after-build"]).default("on-request"),
  /** A dump larger than this gets a warning. */
  warnAboveBytes: z.number().int().positive().default(20_000_000),
});

const target = z.strictObject({
  /** Raise it to throw away what was made before, for a reason that no input shows. */
  version: z.union([z.number(), text]).default(1),
  inputs: z
    .record(z.string(), rootInput)
    .refine((inputs) => Object.keys(inputs).length > 0, "expected at least one named input"),
  /** Variables that the build may see, and that therefore count. */
  environment: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "expected the name of a variable"))
    .default([]),
  build,
  strip: z.array(stripRule).default([]),
  require: z
    .array(z.strictObject({ table: text, rows: z.number().int().nonnegative().optional() }))
    .default([]),
  snapshot: snapshot.optional(),
});

export const configSchema = z.strictObject({
  server: z
    .strictObject({
      url: z
        .string()
        .regex(/^postgres(ql)?:\/\//, "expected postgres://…")
        .optional(),
      embedded: z.strictObject({ directory: text.optional(), binaries: text.optional() }).optional(),
      tools: z
        .strictObject({ prefix: z.array(text).min(1).optional(), directory: text.optional() })
        .optional(),
    })
    .default({}),
  targets: z
    .record(z.string().min(1), target)
    .refine((targets) => Object.keys(targets).length > 0, "expected at least one target"),
});

/** What a configuration file holds. */
export type HeadstartConfig = z.input<typeof configSchema>;
export type TargetConfig = z.output<typeof target>;
export type ParsedConfig = z.output<typeof configSchema>;
