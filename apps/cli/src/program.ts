import { Command, Option } from "commander";
import type { Adding, Work } from "./adding.ts";
import type { PrepareFlags } from "./commands/prepare.ts";
import { addMaterializeCommands } from "./commands/materialize/add-materialize-commands.ts";
import { addProjectionCommands } from "./commands/projections/add-projection-commands.ts";
import type { OutputStream } from "./output/output.ts";
import { parseAge, parseCount, parseSize } from "./parse-quantity.ts";

/** Runs one command and prints what it has to say. */
export type Execute = (configFile: string | undefined, work: Work) => Promise<void>;

export interface ProgramOptions {
  readonly version: string;
  /** Commander then prints nothing about mistakes: they become the one JSON document. */
  readonly json: boolean;
  /** Gets help and version. */
  readonly stdout: OutputStream;
}

const exitCodeHelp = `
Exit codes:
  0  done                              4  server, right, tool or space is missing
  1  the answer is no (stale, absent)  5  the work failed
  2  the command line is wrong         70 a defect of headstart
  3  the configuration is wrong        129, 130, 143  SIGHUP, SIGINT, SIGTERM`;

/** The command line. Commands load their code when they run, so that `lint` starts fast. */
export function createProgram({ version, json, stdout }: ProgramOptions, execute: Execute): Command {
  const program = new Command("headstart")
    .description("Makes an expensive Postgres database ready at once: template, snapshot, or build.")
    .version(version)
    .helpCommand("help [command]", "explain a command")
    .showSuggestionAfterError()
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeOut: (text) => stdout.write(text) })
    .addHelpText("after", exitCodeHelp);
  // Commands that are added from here on inherit these settings.
  if (json) program.configureOutput({ writeErr: () => undefined });
  else program.showHelpAfterError("(headstart --help lists the commands and their options)");
  general(program);

  let configFile: string | undefined;
  program.hook("preAction", (_program, command) => {
    configFile = command.optsWithGlobals<{ config?: string }>().config;
  });
  const adding: Adding = {
    add: (usage, summary, examples, to = program) =>
      general(to.command(usage).description(summary)).addHelpText("after", exampleHelp(examples)),
    run: async (work) => await execute(configFile, work),
  };
  addProjectCommands(adding);
  addDatabaseCommands(adding);
  addServerCommands(adding);
  addProjectionCommands(adding);
  addMaterializeCommands(adding);
  return program;
}

/** The options that every command has. */
function general(command: Command): Command {
  return command
    .option("--json", "print one JSON document instead of text")
    .option("-c, --config <file>", "configuration file (default: headstart.config.* here or above)");
}

function exampleHelp(examples: readonly string[]): string {
  return `\nExamples:\n${examples.map((example) => `  $ ${example}`).join("\n")}`;
}

/** Commands that need no database. */
function addProjectCommands({ add, run }: Adding): void {
  add("init", "write a configuration for this project", ["headstart init", "headstart init --force"])
    .option("--force", "replace a headstart.config.ts that exists")
    .action(async (flags: { force?: boolean }) => {
      const { initCommand } = await import("./commands/init.ts");
      await run(async (context) => await initCommand(context, flags));
    });

  add("lint [targets...]", "check that the committed snapshots fit their inputs", [
    "headstart lint",
    "headstart lint canvases --json",
    "headstart lint --turbo",
  ])
    .option("--turbo", "print the turbo task whose inputs are those of this lint")
    .action(async (targets: string[], flags: { turbo?: boolean }) => {
      const { lintCommand } = await import("./commands/lint.ts");
      const { turboTaskCommand } = await import("./commands/turbo-task.ts");
      await run(async (context) => await (flags.turbo ? turboTaskCommand : lintCommand)(context, targets));
    });

  add("fingerprint [targets...]", "print the key that decides what is reused", [
    "headstart fingerprint",
    "headstart fingerprint canvases --explain",
  ])
    .option("--explain", "what the key is made of, and how it differs from the committed snapshot's")
    .action(async (targets: string[], flags: { explain?: boolean }) => {
      const { fingerprintCommand } = await import("./commands/fingerprint.ts");
      await run(async (context) => await fingerprintCommand(context, targets, flags));
    });

  add("status [targets...]", "what is ready, what each tier took and saved", [
    "headstart status",
    "headstart status --json",
  ]).action(async (targets: string[]) => {
    const { statusCommand } = await import("./commands/status.ts");
    await run(async (context) => await statusCommand(context, targets));
  });

  add("doctor", "look whether everything that is needed is there; changes nothing", [
    "headstart doctor",
  ]).action(async () => {
    const { doctorCommand } = await import("./commands/doctor.ts");
    await run(doctorCommand);
  });
}

function addDatabaseCommands(adding: Adding): void {
  addPreparingCommands(adding);
  const { add, run } = adding;
  add("clone [target]", "make a database of your own from the template, and print its URL", [
    "headstart clone",
    "headstart clone canvases --name my_copy",
    'psql "$(headstart clone canvases)"',
  ])
    .option("--name <database>", "its name (default: a new one)")
    .action(async (target: string | undefined, flags: { name?: string }) => {
      const { cloneCommand } = await import("./commands/clone.ts");
      await run(async (context) => await cloneCommand(context, target, flags));
    });

  add("drop <names...>", "drop clones by name, or the templates of a target", [
    "headstart drop hs_k_canvases_x1y2",
    "headstart drop canvases --dry-run",
  ])
    .option("--dry-run", "only say what would go")
    .action(async (names: string[], flags: { dryRun?: boolean }) => {
      const { dropCommand } = await import("./commands/drop.ts");
      await run(async (context) => await dropCommand(context, names, flags));
    });

  add("prune", "drop templates beyond a budget, least recently used first, and what crashes left", [
    "headstart prune --keep 5",
    "headstart prune --max-size 2GB --max-age 14d --dry-run",
  ])
    .option("--keep <count>", "templates to keep at most", parseCount)
    .option("--max-size <size>", "bytes they may take together, for example 500MB", parseSize)
    .option("--max-age <age>", "age since the last use, for example 12h or 14d", parseAge)
    .option("--dry-run", "only say what would go")
    .action(async (flags: { keep?: number; maxSize?: number; maxAge?: number; dryRun?: boolean }) => {
      const { pruneCommand } = await import("./commands/prune.ts");
      const budget = { maxCount: flags.keep, maxBytes: flags.maxSize, maxAgeMs: flags.maxAge };
      await run(async (context) => await pruneCommand(context, budget, flags));
    });
}

function addPreparingCommands({ add, run }: Adding): void {
  add("prepare [targets...]", "make the database ready at the cheapest tier that can serve", [
    "headstart prepare",
    "headstart prepare canvases --update-snapshot",
    "headstart prepare canvases --force",
    "headstart prepare canvases --from snapshot",
  ])
    .option("--update-snapshot", "leave a committed snapshot that lint calls fresh, whichever tier serves")
    .option("--force", "run the build, whatever is there")
    .addOption(
      new Option("--from <tier>", "serve from this tier and no other").choices([
        "template",
        "snapshot",
        "build",
      ]),
    )
    .action(async (targets: string[], flags: PrepareFlags) => {
      const { prepareCommand } = await import("./commands/prepare.ts");
      await run(async (context) => await prepareCommand(context, targets, flags));
    });

  add("verify [targets...]", "prove that the snapshot equals the database it stands for", [
    "headstart verify",
    "headstart verify canvases --rebuild",
  ])
    .option("--rebuild", "compare with a database that is built anew, for caches hide broken builds")
    .action(async (targets: string[], flags: { rebuild?: boolean }) => {
      const { verifyCommand } = await import("./commands/verify.ts");
      await run(async (context) => await verifyCommand(context, targets, flags));
    });
}

function addServerCommands({ add, run }: Adding): void {
  const server = add("server", "the embedded server, which is used where no other is named", [
    "headstart server start",
    "headstart server status",
    "export DATABASE_URL=$(headstart server start --url)",
    "headstart server stop",
  ]);
  const url = new Option("--url", "print the URL alone, with the password");
  general(server.command("start").description("start it, and let it stay"))
    .addOption(url)
    .action(async (flags: { url?: boolean }) => {
      const { serverStartCommand } = await import("./commands/server.ts");
      await run(async (context) => await serverStartCommand(context, flags));
    });
  general(server.command("status").description("whether it runs, and where"))
    .addOption(url)
    .action(async (flags: { url?: boolean }) => {
      const { serverStatusCommand } = await import("./commands/server.ts");
      await run(async (context) => await serverStatusCommand(context, flags));
    });
  general(server.command("stop").description("stop it, whoever uses it")).action(async () => {
    const { serverStopCommand } = await import("./commands/server.ts");
    await run(serverStopCommand);
  });
}
