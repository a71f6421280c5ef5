import type { Target } from "@headstart/pg-snapshot";

export interface LoadTargetOptions {
  /** Folder from which the configuration is looked for, upwards. @default the working directory */
  readonly cwd?: string | undefined;
  /** Path of the configuration file itself. */
  readonly configFile?: string | undefined;
  /** @default process.env */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * A target of the project's configuration, for a program that prepares it by itself, such as the setup of a test
 * run. Its key is the one that the commands compute, so whatever one of them made is used.
 *
 * @param name may be left out where there is only one target
 * @throws {CliError} `CONFIG_MISSING`, `CONFIG_INVALID`, `TARGET_UNKNOWN`, `USAGE`
 */
export async function loadTarget(name?: string, options: LoadTargetOptions = {}): Promise<Target> {
  const { cwd = process.cwd(), configFile, environment = process.env } = options;
  const [{ loadConfig }, { chooseTarget }, { snapshotTarget }] = await Promise.all([
    import("../config/load-config.ts"),
    import("../config/choose-targets.ts"),
    import("./snapshot-target.ts"),
  ]);
  const configured = chooseTarget(await loadConfig({ cwd, configFile }), name);
  const silent = { show: () => undefined, clear: () => undefined };
  return snapshotTarget(configured, { environment, progress: silent });
}
