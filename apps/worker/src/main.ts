import { createRequire } from "node:module";
import { Command, CommanderError } from "commander";
import { checkSecrets } from "./config/check-secrets.ts";
import { describeConfig } from "./config/describe-config.ts";
import { loadAddress } from "./config/load-address.ts";
import { loadConfig, type LoadedConfig } from "./config/load-config.ts";
import { openSecrets } from "./config/secrets.ts";
import { exitCodeOf, exitCodes, type ExitCode } from "./exit-codes.ts";
import { runDisabled, START_VARIABLE } from "./lifecycle/run-disabled.ts";
import { runWorker } from "./lifecycle/run-worker.ts";
import { createLog } from "./log.ts";
import { openMaterializer, workerName } from "./open-materializer.ts";
import { WorkerError } from "./worker-error.ts";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

const help = `
It does nothing but answer health checks unless ${START_VARIABLE}=yes.
SIGTERM and SIGINT end it in good order, a second one at once; SIGHUP reads the concurrency again.

Exit codes:
  0  ended in good order          4   database, address, folder or git refuses
  2  the command line is wrong    5   cut short: the time to end was over, or a second signal
  3  the configuration is wrong   70  a defect of the worker`;

const environment = process.env;
const secrets = openSecrets(environment);
const worker = workerName();
const log = createLog({
  write: (line) => process.stdout.write(line),
  redact: secrets.redact,
  fields: { worker },
});

/** What nobody caught leaves the process in a state that nobody knows. */
function fail(error: unknown): never {
  log.error("worker.defect", { error });
  process.exit(exitCodes.defect);
}
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);

// Git's children are ended as the process exits, so it does not wait for what was cut short.
process.exit(await run());

async function run(): Promise<ExitCode> {
  try {
    const options = parseCommandLine();
    const load = async (): Promise<LoadedConfig> => await loadConfig({ configFile: options.config });
    if (options.check === true) await check(await load());
    else if (environment[START_VARIABLE] === "yes") await work(load);
    else await runDisabled({ log, http: await loadAddress(load, environment) });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    return explain(error);
  }
}

function parseCommandLine(): { config?: string; check?: boolean } {
  return new Command("headstart-worker")
    .description("Follows git repositories into Postgres: webhooks, RabbitMQ, polling, and a status page.")
    .version(version)
    .option("-c, --config <file>", "configuration file (default: headstart-worker.config.* here or above)")
    .option("--check", "check the configuration and its secrets, print it without them, and end")
    .allowExcessArguments(false)
    .showHelpAfterError("(headstart-worker --help lists the options)")
    .exitOverride()
    .addHelpText("after", help)
    .parse()
    .opts();
}

async function check({ file, config }: LoadedConfig): Promise<void> {
  await checkSecrets(config, secrets);
  // Nothing is connected: what the materializer would refuse at the start is refused now.
  await (await openMaterializer(config, { worker, secrets, log }))[Symbol.asyncDispose]();
  process.stdout.write(`${JSON.stringify({ file, config: describeConfig(config) }, undefined, 2)}\n`);
}

async function work(load: () => Promise<LoadedConfig>): Promise<void> {
  const loaded = await load();
  await checkSecrets(loaded.config, secrets);
  log.info("worker.starting", { version, config: loaded.file });
  await runWorker({ load, loaded, secrets, log, version, worker });
}

/** On stderr and for people; a supervisor has the exit code. */
function explain(error: unknown): ExitCode {
  if (!(error instanceof WorkerError)) fail(error);
  const hint = error.hint === undefined ? "" : `\n  ${error.hint}`;
  process.stderr.write(secrets.redact(`headstart-worker: ${error.code}: ${error.message}${hint}\n`));
  return exitCodeOf(error);
}
