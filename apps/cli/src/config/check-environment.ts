import { CliError } from "../cli-error.ts";
import { configSchema, type ParsedConfig, type TargetConfig } from "./config-schema.ts";
import { readConfig } from "./read-config.ts";

/**
 * Refuses a target whose description depends on variables that it does not declare: on another machine, or in
 * CI, the same files would get another key. The configuration is evaluated again without them, and only when it
 * looked at any.
 *
 * What the file reads for other ends, such as the server's address, is left alone.
 *
 * @throws {CliError} `CONFIG_ENVIRONMENT` naming target, key and variable
 */
export async function checkEnvironment(
  file: string,
  config: ParsedConfig,
  variables: ReadonlySet<string>,
): Promise<void> {
  const evaluations = new Map<string, Promise<ParsedConfig | undefined>>();
  const without = async (hidden: readonly string[]): Promise<ParsedConfig | undefined> => {
    const key = hidden.join("\n");
    const known = evaluations.get(key) ?? evaluateWithout(file, hidden);
    evaluations.set(key, known);
    return await known;
  };
  for (const [name, target] of Object.entries(config.targets)) {
    const undeclared = [...variables].filter((variable) => !target.environment.includes(variable)).sort();
    if (undeclared.length === 0) continue;
    const key = differingKey(target, (await without(undeclared))?.targets[name]);
    if (key === undefined) continue;
    const culprits: string[] = [];
    for (const variable of undeclared) {
      if (differingKey(target, (await without([variable]))?.targets[name])) culprits.push(variable);
    }
    throw dependent({ file, name, key, variables: culprits.length > 0 ? culprits : undeclared });
  }
}

async function evaluateWithout(file: string, hidden: readonly string[]): Promise<ParsedConfig | undefined> {
  try {
    return configSchema.safeParse((await readConfig(file, new Set(hidden))).value).data;
  } catch {
    // A file that demands a variable, say the server's address, says nothing about the targets without it.
    return undefined;
  }
}

/** The first key that counts and is not the same in both. */
function differingKey(target: TargetConfig, other: TargetConfig | undefined): string | undefined {
  if (other === undefined) return undefined;
  const keys = ["version", "inputs", "environment", "build", "strip", "require"] as const;
  const text = (value: unknown): string =>
    typeof value === "function" ? value.toString() : JSON.stringify(value);
  return keys.find((key) => text(target[key]) !== text(other[key]));
}

interface Dependence {
  readonly file: string;
  readonly name: string;
  readonly key: string;
  readonly variables: readonly string[];
}

function dependent({ file, name, key, variables }: Dependence): CliError {
  const list = variables.join(", ");
  return new CliError(
    "CONFIG_ENVIRONMENT",
    `"${key}" of target "${name}" in "${file}" depends on the variable ${list}, which the target does not declare`,
    {
      hint: `add ${variables.map((variable) => JSON.stringify(variable)).join(", ")} to the target's "environment", or describe it without`,
    },
  );
}
