import { forges } from "../webhooks/forges/forges.ts";
import { WorkerError } from "../worker-error.ts";
import type { WorkerConfig } from "./config-schema.ts";
import { pathText } from "./explain-issues.ts";
import { secretSource, type SecretSource } from "./secret-source.ts";
import type { Secrets } from "./secrets.ts";

/**
 * Reads every secret that the configuration names once: a worker whose secrets are missing, or can never be right, does
 * not start, and from here on none of them reaches the log.
 *
 * @throws WorkerError `SECRET_MISSING`, `CONFIG_INVALID` naming each key
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
  if (problems.length === 0) return await checkWebhookSecrets(config, secrets);
  throw new WorkerError("SECRET_MISSING", `Secrets are missing:\n${problems.join("\n")}`, {
    hint: "Set the variables or mount the files, or change what names them in the configuration.",
  });
}

/** A key with which no webhook can be signed would let none in, and nobody would know why. */
async function checkWebhookSecrets({ webhooks }: WorkerConfig, secrets: Secrets): Promise<void> {
  const problems: string[] = [];
  for (const [name, { forge, secrets: sources }] of Object.entries(webhooks.sources)) {
    for (const [index, source] of sources.entries()) {
      const lacking = forges[forge].lacks?.(await secrets.read(source));
      const path = pathText(["webhooks", "sources", name, "secrets", index]);
      const place = "env" in source ? source.env : source.file;
      if (lacking !== undefined)
        problems.push(`  ${path}: ${place} holds no secret of ${forges[forge].title}: ${lacking}`);
    }
  }
  if (problems.length === 0) return;
  throw new WorkerError("CONFIG_INVALID", `Secrets cannot be right:\n${problems.join("\n")}`, {
    hint: "Copy them again from the forge, whole and without quotes.",
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
