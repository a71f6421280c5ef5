import type { WorkerConfig } from "./config-schema.ts";

/** The configuration as people may see it: projectors by their names, secrets by where they come from. */
export function describeConfig(config: WorkerConfig): Record<string, unknown> {
  return {
    ...config,
    projectors: config.projectors.map(({ name, revision, policy, identity }) => ({
      name,
      revision,
      policy,
      identity: identity.slice(0, 12),
    })),
  };
}
