import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command-context.ts";
import { configFileNames } from "../config/load-config.ts";
import type { CommandResult } from "../output/command-result.ts";

/** Where migrations usually are, by tool. */
const usualInputs = [
  "migrations",
  "db/migrations",
  "database/migrations",
  "prisma",
  "drizzle",
  "supabase/migrations",
  "db",
  "sql",
];
const usualSeeds = ["seeds", "db/seeds", "prisma/seed.ts", "fixtures", "test/fixtures"];

/** Writes a configuration that fits what lies in the folder, to be read and completed. */
export async function initCommand(
  context: CommandContext,
  { force = false }: { force?: boolean | undefined },
): Promise<CommandResult> {
  const existing = configFileNames.find((name) => existsSync(join(context.cwd, name)));
  if (existing !== undefined && !force) {
    throw new CliError("FILE_EXISTS", `"${existing}" is there already`, {
      hint: "to write it anew: headstart init --force",
    });
  }
  const inputs = [...usualInputs, ...usualSeeds].filter((path) => existsSync(join(context.cwd, path)));
  const file = join(context.cwd, "headstart.config.mjs");
  const command = await usualCommand(context.cwd);
  await writeFile(file, configText({ name: targetName(context.cwd), inputs, command }));
  const next = [
    `wrote ${file}`,
    "",
    "Next: name everything that the database is made from under `inputs`, and how under `build`. Then",
    "  headstart doctor                     looks whether all that is needed is there",
    "  headstart prepare                    builds once, and is ready at once from then on",
    "  headstart prepare --update-snapshot  saves a snapshot to commit",
  ];
  return { json: { file, inputs, command }, text: next.join("\n") };
}

function targetName(cwd: string): string {
  return (
    basename(cwd)
      .toLowerCase()
      .replace(/[^a-z0-9_-]+/g, "-") || "database"
  );
}

/** The package script that sets a database up, by the names that projects give it. */
async function usualCommand(cwd: string): Promise<string[]> {
  const text = await readFile(join(cwd, "package.json"), "utf8").catch(() => "{}");
  let scripts: Record<string, unknown> = {};
  try {
    scripts = (JSON.parse(text) as { scripts?: Record<string, unknown> }).scripts ?? {};
  } catch {
    // A package.json that does not parse has no scripts to choose from.
  }
  const script = ["db:setup", "db:seed", "seed", "db:migrate", "migrate"].find((name) => name in scripts);
  return script === undefined ? ["node", "scripts/build-database.mjs"] : ["npm", "run", script];
}

interface ConfigParts {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly command: readonly string[];
}

function configText({ name, inputs, command }: ConfigParts): string {
  const listed = (inputs.length > 0 ? inputs : ["migrations"]).map(
    (path) => `        ${JSON.stringify(path.replaceAll("/", "-"))}: ${JSON.stringify(path)},`,
  );
  return `/** @type {import("@headstart/cli").HeadstartConfig} */
export default {
  targets: {
    ${JSON.stringify(name)}: {
      // Everything that the database is made from. A change in any of these files makes it anew.
      inputs: {
${listed.join("\n")}
      },
      // Fills the empty database that DATABASE_URL leads to. Of the environment it sees PATH, HOME and the
      // like, and the variables that are declared here, whose values then count as inputs.
      environment: [],
      build: { command: ${JSON.stringify(command)} },
      // What must be there when the build says that it is done.
      require: [],
      // What is left out of the committed snapshot, for example { truncate: "jobs" }.
      strip: [],
      snapshot: { directory: "snapshots" },
    },
  },
};
`;
}
