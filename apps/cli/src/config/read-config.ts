import { readFile } from "node:fs/promises";
import { CliError } from "../cli-error.ts";
import { defineConfig } from "./define-config.ts";

/** What a configuration file evaluated to. */
export interface ReadConfig {
  readonly value: unknown;
  /** Names of the variables that are set and that it looked at. */
  readonly variables: ReadonlySet<string>;
}

/**
 * Evaluates a configuration file.
 *
 * @param hidden variables that it is to find unset
 * @throws {CliError} `CONFIG_MISSING`, `CONFIG_INVALID`
 */
export async function readConfig(file: string, hidden: ReadonlySet<string> = new Set()): Promise<ReadConfig> {
  const variables = new Set<string>();
  const environment = process.env;
  try {
    if (file.endsWith(".json")) return { value: await readJson(file), variables };
    process.env = watched(environment, { hidden, onRead: (name) => variables.add(name) });
    return { value: await evaluate(file), variables };
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" && message.includes(file)) {
      throw new CliError("CONFIG_MISSING", `"${file}" does not exist`, { hint: "correct --config", cause });
    }
    throw new CliError("CONFIG_INVALID", `"${file}" cannot be loaded: ${message ?? String(cause)}`, {
      hint: "mend the file; the lines above are what its evaluation said",
      cause,
    });
  } finally {
    process.env = environment;
  }
}

async function readJson(file: string): Promise<unknown> {
  return JSON.parse(await readFile(file, "utf8")) as unknown;
}

async function evaluate(file: string): Promise<unknown> {
  await readFile(file);
  const { createJiti } = await import("jiti");
  const jiti = createJiti(import.meta.url, {
    // Evaluated anew each time, for the second time may show what the first depended on.
    moduleCache: false,
    // The configuration finds us wherever we are installed.
    virtualModules: { "@headstart/cli": { defineConfig } },
  });
  return await jiti.import(file, { default: true });
}

interface Watching {
  readonly hidden: ReadonlySet<string>;
  readonly onRead: (name: string) => void;
}

/** The environment without what is hidden, telling which of its variables are looked at. */
function watched(environment: NodeJS.ProcessEnv, { hidden, onRead }: Watching): NodeJS.ProcessEnv {
  const note = (name: string | symbol): boolean => {
    if (typeof name !== "string" || environment[name] === undefined) return true;
    onRead(name);
    return !hidden.has(name);
  };
  return new Proxy(environment, {
    get: (target, name) => (note(name) ? (Reflect.get(target, name) as unknown) : undefined),
    has: (target, name) => note(name) && Reflect.has(target, name),
    getOwnPropertyDescriptor: (target, name) =>
      note(name) ? Reflect.getOwnPropertyDescriptor(target, name) : undefined,
    ownKeys: (target) => Reflect.ownKeys(target).filter((name) => !hidden.has(String(name))),
  });
}
