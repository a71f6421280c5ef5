import { WorkerError } from "../worker-error.ts";
import type { WorkerConfig } from "./config-schema.ts";
import { pathText } from "./explain-issues.ts";
import { secretSource, type SecretSource } from "./secret-source.ts";
import type { Secrets } from "./secrets.ts";

/**
 * Reads every secret that the configuration names once: a worker whose secrets are missing does not start, and from
 * here on none of them reaches the log.
 *
 * @throws WorkerError `SECRET_MISSING` naming each key
 */
export async function checkSecrets(config: WorkerConfig, secrets: Secrets): Promise<void> {
  const { projectors: _, ...rest } = config;
  const problems: string[] = [];
  for (const { path, source } of findSources(rest, [])) {
    try {
      await secrets.read(source);
    } catch (error) {
      if (!(error instanceof WorkerError)) throw error;
      problems.push(`  ${pathText(path)}: ${error.message}`);
    }
  }
  if (problems.length === 0) return;
  throw new WorkerError("SECRET_MISSING", `Secrets are missing:\n${problems.join("\n")}`, {
    hint: "Set the variables or mount the files, or change what names them in the configuration.",
  });
}

interface NamedSource {
  readonly path: readonly PropertyKey[];
  readonly source: SecretSource;
}

function findSources(value: unknown, path: readonly PropertyKey[]): NamedSource[] {
  if (typeof value !== "object" || value === null) return [];
  const source = secretSource.safeParse(value);
  if (source.success) return [{ path, source: source.data }];
  return Object.entries(value).flatMap(([key, inner]) =>
    findSources(inner, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}
