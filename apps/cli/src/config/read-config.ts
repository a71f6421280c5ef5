import { readFile } from "node:fs/promises";
import { CliError } from "../cli-error.ts";
import { withEnvironment } from "../with-environment.ts";

/** What a configuration file evaluated to. */
export interface ReadConfig {
  readonly value: unknown;
  /** Names of the variables that are set and that it looked at, directly or by what it imports. */
  readonly variables: ReadonlySet<string>;
}

/**
 * Evaluates a configuration file.
 *
 * @throws {CliError} `CONFIG_MISSING`, `CONFIG_INVALID`
 */
export async function readConfig(file: string): Promise<ReadConfig> {
  const json = file.endsWith(".json");
  try {
    return json ? { value: await readJson(file), variables: new Set() } : await evaluateWatched(file);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" && message.includes(file)) {
      throw new CliError("CONFIG_MISSING", `"${file}" does not exist`, { hint: "correct --config", cause });
    }
    throw new CliError("CONFIG_INVALID", `"${file}" cannot be loaded: ${message ?? String(cause)}`, {
      hint: json
        ? "mend the JSON: it allows neither comments nor a comma after the last item"
        : "mend the file: this is what its evaluation threw",
      cause,
    });
  }
}

async function readJson(file: string): Promise<unknown> {
  return JSON.parse(await readFile(file, "utf8")) as unknown;
}

/** What each file looked at so far: modules that Node has loaded already are not evaluated again. */
const lookedAt = new Map<string, Set<string>>();

async function evaluateWatched(file: string): Promise<ReadConfig> {
  // Loaded outside, for what the loader itself looks at does not count.
  const { evaluateConfig } = await import("./evaluate-config.ts");
  const variables = lookedAt.get(file) ?? new Set();
  lookedAt.set(file, variables);
  const environment = watched(process.env, (name) => variables.add(name));
  return { value: await withEnvironment(environment, () => evaluateConfig(file)), variables };
}

/** The environment, telling which of its variables are looked at. */
function watched(environment: NodeJS.ProcessEnv, onRead: (name: string) => void): NodeJS.ProcessEnv {
  const note = (name: string | symbol): void => {
    if (typeof name === "string" && environment[name] !== undefined) onRead(name);
  };
  return new Proxy(environment, {
    get: (target, name) => {
      note(name);
      return Reflect.get(target, name) as unknown;
    },
    has: (target, name) => {
      note(name);
      return Reflect.has(target, name);
    },
    getOwnPropertyDescriptor: (target, name) => {
      note(name);
      return Reflect.getOwnPropertyDescriptor(target, name);
    },
  });
}
