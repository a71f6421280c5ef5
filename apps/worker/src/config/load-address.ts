import { z } from "zod";
import { WorkerError } from "../worker-error.ts";
import { http } from "./config-schema.ts";
import { overrideByEnvironment, type Environment } from "./environment-overrides.ts";
import { explainIssues } from "./explain-issues.ts";
import type { LoadedConfig } from "./load-config.ts";

const addressOnly = z.strictObject({ http: http.prefault({}) });

/**
 * Where a disabled worker answers: without a configuration, where the environment says.
 *
 * @throws WorkerError `CONFIG_AMBIGUOUS`, `CONFIG_INVALID`
 */
export async function loadAddress(
  load: () => Promise<LoadedConfig>,
  environment: Environment,
): Promise<{ host: string; port: number }> {
  try {
    return (await load()).config.http;
  } catch (error) {
    if (!(error instanceof WorkerError) || error.code !== "CONFIG_MISSING") throw error;
    const { http: given = {} } = overrideByEnvironment({}, environment) as { http?: unknown };
    const parsed = addressOnly.safeParse({ http: given });
    if (parsed.success) return parsed.data.http;
    const problems = explainIssues(parsed.error, { http: given }).map((line) => `  ${line}`);
    throw new WorkerError("CONFIG_INVALID", `The environment is not right:\n${problems.join("\n")}`, {
      hint: "Correct HEADSTART_WORKER_HOST and HEADSTART_WORKER_PORT, or unset them.",
    });
  }
}
