import { resolve } from "node:path";
import type { BootstrapOptions, EventLog, Projection } from "@headstart/projection-bootstrap";
import { createJiti } from "jiti";
import { z } from "zod";
import { CliError } from "../../cli-error.ts";
import { explainIssues } from "../../config/explain-issues.ts";
import type { LoadedConfig } from "../../config/load-config.ts";

const count = z.number().int().positive("expected a whole number above 0");

const isObjectWith =
  (...keys: readonly string[]) =>
  (value: unknown): boolean =>
    typeof value === "object" && value !== null && keys.every((key) => key in value);

/** The default export of the module that `projections.module` names. */
const moduleSchema = z.strictObject({
  projections: z
    .array(
      z.custom<Projection>(
        isObjectWith("name", "mode", "definition"),
        "expected what defineProjection() returned",
      ),
    )
    .min(1, "expected at least one projection"),
  log: z
    .custom<EventLog>(
      isObjectWith("name", "read", "horizon"),
      "expected what postgresLog() or adoptLog() returned",
    )
    .optional(),
  page: z.strictObject({ rows: count.optional(), bytes: count.optional() }).optional(),
  readers: count.optional(),
  keep: z.number().int().nonnegative("expected a whole number, 0 or more").optional(),
  leaseMs: count.optional(),
  /** Boots go by it, and no command boots. */
  policy: z.record(z.string(), z.unknown()).optional(),
});

export type LoadedProjections = Omit<BootstrapOptions, "pool" | "policy">;

/**
 * Evaluates the project's module. Unlike the configuration, which is evaluated in other threads too, it may hold code.
 *
 * @throws {CliError} `PROJECTIONS_UNCONFIGURED`, `PROJECTIONS_INVALID`
 */
export async function loadProjections({ config, directory, file }: LoadedConfig): Promise<LoadedProjections> {
  if (config.projections === undefined) {
    throw new CliError("PROJECTIONS_UNCONFIGURED", `"${file}" names no projections`, {
      hint: 'add projections: { module: "projections.ts" }; its default export is what createBootstrap takes, without the pool',
    });
  }
  const module = resolve(directory, config.projections.module);
  const value = await evaluate(module);
  const parsed = moduleSchema.safeParse(value);
  if (!parsed.success) {
    const problems = explainIssues(moduleSchema, parsed.error, value).map((line) => `  ${line}`);
    throw new CliError("PROJECTIONS_INVALID", `"${module}" is not right:\n${problems.join("\n")}`, {
      hint: "its default export is what createBootstrap takes, without the pool: export default { projections: [ … ] }",
    });
  }
  const { policy: _policy, ...options } = parsed.data;
  return options;
}

async function evaluate(module: string): Promise<unknown> {
  const library = await import("@headstart/projection-bootstrap");
  const jiti = createJiti(import.meta.url, {
    // One copy of the library, whichever folder the module finds its own in: logs and projections belong to it.
    virtualModules: { "@headstart/projection-bootstrap": library },
  });
  try {
    return await jiti.import(module, { default: true });
  } catch (cause) {
    const { message } = cause as Error;
    throw new CliError("PROJECTIONS_INVALID", `"${module}" cannot be loaded: ${message ?? String(cause)}`, {
      hint: "correct projections.module in the configuration, or mend the module: this is what its evaluation threw",
      cause,
    });
  }
}
