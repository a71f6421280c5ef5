import { CliError } from "../cli-error.ts";
import type { ParsedConfig } from "./config-schema.ts";
import { evaluateElsewhere } from "./evaluate-elsewhere.ts";
import type { ReadConfig } from "./read-config.ts";
import { differingKey, targetTexts, type TargetText, type TargetTexts } from "./target-texts.ts";

/**
 * Refuses a target whose description depends on variables that it does not declare: on another machine, or in
 * CI, the same files would get another key. The configuration is evaluated again without them, and only when it
 * looked at any; one that cannot be evaluated without a variable is evaluated with another value of it.
 *
 * What the file reads for other ends, such as the server's address, is left alone.
 *
 * @throws {CliError} `CONFIG_ENVIRONMENT` naming target, key and variable; `CONFIG_INVALID` when a description is
 * another one each time
 */
export async function checkEnvironment(
  file: string,
  config: ParsedConfig,
  { value, variables }: ReadConfig,
): Promise<void> {
  const texts = targetTexts(value);
  const evaluations = new Evaluations(file);
  for (const [name, { environment }] of Object.entries(config.targets)) {
    const undeclared = [...variables].filter((variable) => !environment.includes(variable)).sort();
    const present = texts[name];
    if (present === undefined || undeclared.length === 0) continue;
    const subject = { file, name, present, evaluations };
    const verdict = await compare(subject, undeclared);
    if (verdict === "same") continue;
    await refuseChance(subject);
    throw dependent(subject, verdict, await culprits(subject, undeclared));
  }
}

interface Subject {
  readonly file: string;
  /** Of the target. */
  readonly name: string;
  readonly present: TargetText;
  readonly evaluations: Evaluations;
}

/** What becomes of the target without the variables: it stays, a key changes, or nobody can say. */
type Verdict = "same" | "unknown" | { readonly key: string };

async function compare(subject: Subject, undeclared: readonly string[]): Promise<Verdict> {
  const other = await describeWithout(subject, undeclared);
  if (other === undefined) return "unknown";
  const key = differingKey(subject.present, other);
  return key === undefined ? "same" : { key };
}

/** Those on which the target depends; all, when it depends on them together only. Many are looked at by halves. */
async function culprits(subject: Subject, variables: readonly string[]): Promise<readonly string[]> {
  if (variables.length < 2) return variables;
  const middle = variables.length >> 1;
  const found: string[] = [];
  for (const half of [variables.slice(0, middle), variables.slice(middle)]) {
    if ((await compare(subject, half)) !== "same") found.push(...(await culprits(subject, half)));
  }
  return found.length > 0 ? found : variables;
}

/** The target as it is without the variables, or with other values of those that it cannot do without. */
async function describeWithout(
  { name, evaluations }: Subject,
  undeclared: readonly string[],
): Promise<TargetText | undefined> {
  const without = (await evaluations.get(changes(undeclared, unset)))?.[name];
  if (without !== undefined) return without;
  const hidden: string[] = [];
  for (const variable of undeclared) {
    const described = (await evaluations.get(changes([...hidden, variable], unset)))?.[name];
    if (described !== undefined) hidden.push(variable);
  }
  const demanded = undeclared.filter((variable) => !hidden.includes(variable));
  for (const replace of [similarValue, plainValue]) {
    const replaced = { ...changes(hidden, unset), ...changes(demanded, replace) };
    const described = (await evaluations.get(replaced))?.[name];
    if (described !== undefined) return described;
  }
  return undefined;
}

/** New values of variables; `undefined` takes one away. */
type Changes = Readonly<Record<string, string | undefined>>;

function changes(
  variables: readonly string[],
  replace: (value: string | undefined) => string | undefined,
): Changes {
  return Object.fromEntries(variables.map((variable) => [variable, replace(process.env[variable])]));
}

const unset = (): undefined => undefined;

/** Another value of the same kind, the same one on every machine: a program may want a number or an address. */
function similarValue(value = ""): string {
  if (URL.canParse(value)) return "postgres://headstart:headstart@localhost:5432/headstart";
  if (/^-?\d/.test(value)) return value === "1" ? "2" : "1";
  return plainValue();
}

function plainValue(): string {
  return "headstart";
}

/** Evaluations of one configuration with other variables, each made once. */
class Evaluations {
  readonly #file: string;
  readonly #known = new Map<string, Promise<TargetTexts | undefined>>();

  constructor(file: string) {
    this.#file = file;
  }

  async get(changed: Changes): Promise<TargetTexts | undefined> {
    const key = JSON.stringify(Object.entries(changed).map(([name, value]) => [name, value ?? null]));
    const known =
      this.#known.get(key) ?? evaluateElsewhere(this.#file, definedOnly({ ...process.env, ...changed }));
    this.#known.set(key, known);
    return await known;
  }
}

function definedOnly(environment: Changes): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** Two evaluations with the same variables that differ blame no variable. */
async function refuseChance({ file, name, present, evaluations }: Subject): Promise<void> {
  const again = (await evaluations.get({}))?.[name];
  const key = again && differingKey(present, again);
  if (again !== undefined && key === undefined) return;
  const what = key === undefined ? `target "${name}"` : `"${key}" of target "${name}"`;
  throw new CliError("CONFIG_INVALID", `"${file}" does not give ${what} again when it is evaluated again`, {
    hint: "describe targets without the time, random numbers, and what an evaluation leaves behind",
  });
}

function dependent(
  { file, name }: Subject,
  verdict: Exclude<Verdict, "same">,
  variables: readonly string[],
): CliError {
  const list = variables.join(", ");
  const declare = `add ${variables.map((variable) => JSON.stringify(variable)).join(", ")} to the target's "environment"`;
  if (verdict === "unknown") {
    return new CliError(
      "CONFIG_ENVIRONMENT",
      `"${file}" gives no target "${name}" without the variable ${list}, which the target does not declare, nor with another value of it: what else depends on it cannot be told`,
      { hint: `${declare}, or give it a default: process.env.${variables[0]} ?? "…"` },
    );
  }
  return new CliError(
    "CONFIG_ENVIRONMENT",
    `"${verdict.key}" of target "${name}" in "${file}" depends on the variable ${list}, which the target does not declare`,
    { hint: `${declare}, or describe it without` },
  );
}
