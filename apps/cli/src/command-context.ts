import type { Colors } from "picocolors/types.js";
import type { ProgressLine } from "./output/progress-line.ts";

/** What every command works with. */
export interface CommandContext {
  readonly cwd: string;
  /** Path of the configuration file, when the user named one. */
  readonly configFile: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborts on SIGINT, SIGTERM and SIGHUP. */
  readonly signal: AbortSignal;
  readonly progress: ProgressLine;
  readonly colors: Colors;
}
