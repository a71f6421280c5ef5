import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command-context.ts";
import { configFileNames } from "../config/find-config.ts";
import type { CommandResult } from "../output/command-result.ts";
import { configText } from "./config-text.ts";

/** Where migrations and what fills tables usually are, by the tools and habits of projects. */
const usualInputs: readonly string[] = [
  "migrations db/migrations db/migrate database/migrations src/migrations supabase/migrations",
  "prisma/schema.prisma prisma/migrations drizzle sql",
  "seeds db/seeds prisma/seed.ts supabase/seed.sql fixtures test/fixtures",
].flatMap((paths) => paths.split(" "));

/** Writes a configuration that fits what lies in the folder, to be read and completed. */
export async function initCommand(
  { cwd, configFile }: CommandContext,
  { force = false }: { force?: boolean | undefined },
): Promise<CommandResult> {
  if (configFile !== undefined) {
    throw new CliError(
      "USAGE",
      "init writes headstart.config.ts in the present folder, --config names another",
      {
        hint: "go to the folder and leave --config out",
      },
    );
  }
  const name = "headstart.config.ts";
  const existing = configFileNames.find((candidate) => existsSync(join(cwd, candidate)));
  if (existing !== undefined && !(force && existing === name)) {
    const hint =
      existing === name ? "to write it anew: headstart init --force" : `remove "${existing}" first`;
    throw new CliError("FILE_EXISTS", `"${existing}" is there already`, { hint });
  }
  const inputs = await findInputs(cwd);
  const command = await usualCommand(cwd);
  const file = join(cwd, name);
  await writeFile(file, configText({ target: targetName(cwd), inputs, command }));
  return {
    json: { file, inputs, command: command ?? null },
    text: [`wrote ${file}`, ...found(inputs, command), "", ...nextSteps].join("\n"),
  };
}

const nextSteps = [
  "Read it through: whatever the database is made from belongs under `inputs`. Then",
  "  headstart doctor                     tells whether all that is needed is there",
  "  headstart prepare                    builds once, and is ready at once from then on",
  "  headstart prepare --update-snapshot  saves a snapshot to commit",
  "  headstart lint                       fails where that snapshot is stale; --turbo prints its turbo task",
];

function found(inputs: readonly string[], command: readonly string[] | undefined): string[] {
  return [
    inputs.length > 0 ? `inputs: ${inputs.join(", ")}` : "inputs: none were recognised, so name them",
    command
      ? `build:  ${command.join(" ")}`
      : "build:  not recognised, so write the command that fills an empty database",
  ];
}

async function findInputs(cwd: string): Promise<string[]> {
  const present: string[] = [];
  for (const path of usualInputs) {
    // An empty folder selects nothing, which is an error of its own.
    const entries = await readdir(join(cwd, path)).catch(() => undefined);
    const isFile = entries === undefined && existsSync(join(cwd, path));
    if (isFile || (entries?.length ?? 0) > 0) present.push(path);
  }
  return present;
}

function targetName(cwd: string): string {
  const plain = basename(cwd)
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return plain || "database";
}

/** Names of package scripts that set a database up, the most complete first. */
const usualScripts = ["db:setup", "db:build", "db:seed", "seed", "db:migrate", "migrate"];

async function usualCommand(cwd: string): Promise<string[] | undefined> {
  const text = await readFile(join(cwd, "package.json"), "utf8").catch(() => "{}");
  let scripts: object = {};
  try {
    scripts = (JSON.parse(text) as { scripts?: object }).scripts ?? {};
  } catch {
    // A package.json that does not parse has no scripts to choose from.
  }
  const script = usualScripts.find((name) => Object.hasOwn(scripts, name));
  return script === undefined ? undefined : ["npm", "run", script];
}
