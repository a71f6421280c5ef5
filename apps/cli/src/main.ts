import { createRequire } from "node:module";
import { abortOnSignals } from "./abort-on-signals.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import { createOutput } from "./output/output.ts";
import { allowNoReader, reserveStdout } from "./output/streams.ts";
import { createProgram } from "./program.ts";
import { workingDirectory } from "./working-directory.ts";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

const options = process.argv.includes("--")
  ? process.argv.slice(0, process.argv.indexOf("--"))
  : process.argv;
const json = options.includes("--json");
allowNoReader(process.stdout);
allowNoReader(process.stderr);
const stdout = reserveStdout(process.stdout, process.stderr);
const output = createOutput({ stdout, stderr: process.stderr, json, environment: process.env });
const interruption = abortOnSignals((signal) =>
  output.remark(`stopping (${signal}); what is half made is being removed`),
);

process.exitCode = await runCommandLine();

async function runCommandLine(): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  const program = createProgram({ version, json, stdout }, async (configFile, work) => {
    const result = await work({
      cwd: workingDirectory(),
      configFile,
      environment: process.env,
      signal: interruption,
      progress: output.progress,
      colors: output.colors,
    });
    interruption.throwIfAborted();
    exitCode = output.result(result);
  });
  try {
    await program.parseAsync();
    return exitCode;
  } catch (error) {
    // What fails once everything is being stopped fails because of that.
    return output.failure(interruption.aborted ? interruption.reason : error);
  }
}
