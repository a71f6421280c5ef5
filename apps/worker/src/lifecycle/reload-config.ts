import { isDeepStrictEqual } from "node:util";
import { describeConfig } from "../config/describe-config.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import type { Log } from "../log.ts";
import type { Concurrency } from "../loops/concurrency.ts";

/**
 * Reads the configuration again and takes over what can change while the worker runs: `reconcile.concurrency`. A
 * configuration that is wrong changes nothing. Never rejects.
 */
export async function reloadConfig({
  load,
  loaded,
  log,
  concurrency,
}: {
  load: () => Promise<LoadedConfig>;
  loaded: LoadedConfig;
  log: Log;
  concurrency: Concurrency;
}): Promise<void> {
  try {
    const { config } = await load();
    concurrency.change(config.reconcile.concurrency);
    log.info("config.reloaded", { needRestart: changedKeys(loaded, { ...loaded, config }) });
  } catch (error) {
    log.error("config.not-reloaded", { error });
  }
}

/** Keys that differ from those the worker was started with, apart from what was just taken over. */
function changedKeys(before: LoadedConfig, after: LoadedConfig): string[] {
  const [old, present] = [before, after].map(({ config }) =>
    describeConfig({ ...config, reconcile: { ...config.reconcile, concurrency: 0 } }),
  );
  return Object.keys({ ...old, ...present }).filter((key) => !isDeepStrictEqual(old?.[key], present?.[key]));
}
