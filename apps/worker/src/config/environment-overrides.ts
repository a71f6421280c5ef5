import { WorkerError } from "../worker-error.ts";

/** Variables that replace single keys of the configuration, for those who deploy one file in several places. */
export const overrides = [
  { variable: "HEADSTART_WORKER_HOST", path: ["http", "host"], kind: "text" },
  { variable: "HEADSTART_WORKER_PORT", path: ["http", "port"], kind: "number" },
  { variable: "HEADSTART_WORKER_CONCURRENCY", path: ["reconcile", "concurrency"], kind: "number" },
  { variable: "HEADSTART_WORKER_POLL_MIN_MS", path: ["observe", "pollMinMs"], kind: "number" },
  { variable: "HEADSTART_WORKER_POLL_MAX_MS", path: ["observe", "pollMaxMs"], kind: "number" },
  { variable: "HEADSTART_WORKER_DRAIN_MS", path: ["drainMs"], kind: "number" },
  { variable: "HEADSTART_WORKER_MIRRORS", path: ["mirrors", "directory"], kind: "text" },
] as const;

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The configuration with the variables that are set in the place of its keys; it is not changed itself.
 *
 * @throws WorkerError `CONFIG_INVALID` naming the variable that is no number
 */
export function overrideByEnvironment(value: unknown, environment: Environment): unknown {
  if (!isRecord(value)) return value;
  let result = value;
  for (const { variable, path, kind } of overrides) {
    const text = environment[variable];
    if (text === undefined || text === "") continue;
    result = withKey(result, path, kind === "number" ? numberOf(variable, text) : text);
  }
  return result;
}

function withKey(
  value: Record<string, unknown>,
  [key, ...rest]: readonly string[],
  replacement: unknown,
): Record<string, unknown> {
  if (key === undefined) return value;
  if (rest.length === 0) return { ...value, [key]: replacement };
  const inner = value[key] ?? {};
  return { ...value, [key]: isRecord(inner) ? withKey(inner, rest, replacement) : inner };
}

function numberOf(variable: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new WorkerError(
    "CONFIG_INVALID",
    `${variable} is not a whole number: ${JSON.stringify(text.slice(0, 40))}.`,
    {
      hint: `Set ${variable} to digits, or unset it.`,
    },
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
