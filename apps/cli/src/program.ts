import { Command, InvalidArgumentError, Option } from "commander";
import type { CommandContext } from "./command-context.ts";
import type { PrepareFlags } from "./commands/prepare.ts";
import type { CommandResult } from "./output/command-result.ts";

/** Runs one command and prints what it has to say. */
export type Run = (work: (context: CommandContext) => Promise<CommandResult>) => Promise<void>;

const exitCodeHelp = `
Exit codes:
  0  done                        3  the configuration is wrong or absent
  1  the answer is no (stale…)   4  server, right, tool or space is missing
  2  the command line is wrong   5  the work failed
  130, 143  interrupted, terminated`;

/** The command line. Commands load their code when they run, so that \`lint\` starts fast. */
export function createProgram(run: Run, version: string): Command {
  const program = new Command("headstart")
    .description("Makes an expensive Postgres database ready at once: template, snapshot, or build.")
    .version(version)
    .option("--json", "print one JSON document instead of text")
    .option("-c, --config <file>", "configuration file (default: headstart.config.* in this folder or above)")
    .showSuggestionAfterError()
    .showHelpAfterError("(see: headstart --help)")
    .allowExcessArguments(false)
    .addHelpText("after", exitCodeHelp);

  const add = (usage: string, summary: string, examples: readonly string[]): Command =>
    program
      .command(usage)
      .description(summary)
      .option("--json", "print one JSON document instead of text")
      .option("-c, --config <file>", "configuration file")
      .addHelpText(
        "after",
        `\nExamples:\n${examples.map((example) => `  $ headstart ${example}`).join("\n")}`,
      );

  add("init", "write a configuration for this project", ["init", "init --force"])
    .option("--force", "replace a configuration that exists")
    .action(async (flags: { force?: boolean }) => {
      await run(async (context) => await (await import("./commands/init.ts")).initCommand(context, flags));
    });

  add("prepare [targets...]", "make the database ready at the cheapest tier that can serve", [
    "prepare",
    "prepare canvases --update-snapshot",
    "prepare canvases --force",
    "prepare canvases --from snapshot",
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
      await run(
        async (context) =>
          await (await import("./commands/prepare.ts")).prepareCommand(context, targets, flags),
      );
    });

  add("lint [targets...]", "check that the committed snapshots fit their inputs; needs no database", [
    "lint",
    "lint canvases --json",
  ]).action(async (targets: string[]) => {
    await run(async (context) => await (await import("./commands/lint.ts")).lintCommand(context, targets));
  });

  add("fingerprint [targets...]", "print the key that decides what is reused", [
    "fingerprint",
    "fingerprint canvases --explain",
  ])
    .option("--explain", "what the key is made of, and how it differs from the committed snapshot's")
    .action(async (targets: string[], flags: { explain?: boolean }) => {
      await run(
        async (context) =>
          await (await import("./commands/fingerprint.ts")).fingerprintCommand(context, targets, flags),
      );
    });

  add("status [targets...]", "what is ready, what each tier took and saved", [
    "status",
    "status --json",
  ]).action(async (targets: string[]) => {
    await run(
      async (context) => await (await import("./commands/status.ts")).statusCommand(context, targets),
    );
  });

  add("clone [target]", "make a database of your own from the template, and print its URL", [
    "clone",
    "clone canvases --name my_copy",
  ])
    .option("--name <database>", "its name (default: a new one)")
    .action(async (target: string | undefined, flags: { name?: string }) => {
      await run(
        async (context) => await (await import("./commands/clone.ts")).cloneCommand(context, target, flags),
      );
    });

  add("drop <names...>", "drop clones by name, or a target's templates", [
    "drop hs_k_canvases_x1y2",
    "drop canvases",
  ]).action(async (names: string[]) => {
    await run(async (context) => await (await import("./commands/drop.ts")).dropCommand(context, names));
  });

  add("prune", "drop templates beyond a budget, least recently used first, and what crashes left", [
    "prune --keep 5",
    "prune --max-size 2GB --max-age 14d --dry-run",
  ])
    .option("--keep <count>", "templates to keep at most", parseCount)
    .option("--max-size <size>", "bytes they may take together, for example 500MB", parseSize)
    .option("--max-age <age>", "age since the last use, for example 12h or 14d", parseAge)
    .option("--dry-run", "only say what would go")
    .action(async (flags: { keep?: number; maxSize?: number; maxAge?: number; dryRun?: boolean }) => {
      const budget = { maxCount: flags.keep, maxBytes: flags.maxSize, maxAgeMs: flags.maxAge };
      await run(
        async (context) => await (await import("./commands/prune.ts")).pruneCommand(context, budget, flags),
      );
    });

  add("verify [targets...]", "prove that the snapshot equals the database it stands for", [
    "verify",
    "verify canvases --rebuild",
  ])
    .option("--rebuild", "compare with a database that is built anew, for caches hide broken builds")
    .action(async (targets: string[], flags: { rebuild?: boolean }) => {
      await run(
        async (context) =>
          await (await import("./commands/verify.ts")).verifyCommand(context, targets, flags),
      );
    });

  add("doctor", "look whether everything that is needed is there; changes nothing", ["doctor"]).action(
    async () => {
      await run(async (context) => await (await import("./commands/doctor.ts")).doctorCommand(context));
    },
  );

  addServer(add("server", "the embedded server", ["server start", "server status", "server stop"]), run);
  return program;
}

function addServer(server: Command, run: Run): void {
  const commands = {
    start: [
      "start it, and let it stay",
      async (context: CommandContext) =>
        await (await import("./commands/server.ts")).serverStartCommand(context),
    ],
    stop: [
      "stop it, whoever uses it",
      async (context: CommandContext) =>
        await (await import("./commands/server.ts")).serverStopCommand(context),
    ],
    status: [
      "whether it runs, and its URL",
      async (context: CommandContext) =>
        await (await import("./commands/server.ts")).serverStatusCommand(context),
    ],
  } as const;
  for (const [name, [summary, work]] of Object.entries(commands)) {
    server
      .command(name)
      .description(summary)
      .option("--json", "print one JSON document instead of text")
      .option("-c, --config <file>", "configuration file")
      .action(async () => await run(work));
  }
}

function parseCount(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("expected a number, for example 5");
  return Number(text);
}

const sizeUnits: Readonly<Record<string, number>> = { "": 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]b)?$/i.exec(text);
  if (!match) throw new InvalidArgumentError("expected a size, for example 500MB");
  return Number(match[1]) * (sizeUnits[(match[2] ?? "").toUpperCase()] ?? 1);
}

const ageUnits: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

function parseAge(text: string): number {
  const match = /^(\d+)([mhdw])$/.exec(text);
  if (!match) throw new InvalidArgumentError("expected an age, for example 30m, 12h or 14d");
  return Number(match[1]) * (ageUnits[match[2] ?? ""] ?? 1);
}
