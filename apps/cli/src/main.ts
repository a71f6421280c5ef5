import { createRequire } from "node:module";
import { CliError } from "./cli-error.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import { createOutput } from "./output/output.ts";
import { createProgram } from "./program.ts";
import { workingDirectory } from "./working-directory.ts";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

const options = process.argv.includes("--")
  ? process.argv.slice(0, process.argv.indexOf("--"))
  : process.argv;
const json = options.includes("--json");
const output = createOutput({
  stdout: process.stdout,
  stderr: process.stderr,
  json,
  environment: process.env,
});
const interruption = new AbortController();
abortOnSignals();
// Who reads our answer may stop reading, as `head` does; that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

process.exitCode = await runCommandLine();

async function runCommandLine(): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  const program = createProgram({ version, json }, async (configFile, work) => {
    const result = await work({
      cwd: workingDirectory(),
      configFile,
      environment: process.env,
      signal: interruption.signal,
      progress: output.progress,
      colors: output.colors,
    });
    interruption.signal.throwIfAborted();
    exitCode = output.result(result);
  });
  try {
    await program.parseAsync();
    return exitCode;
  } catch (error) {
    // What fails once everything is being stopped fails because of that.
    return output.failure(interruption.signal.aborted ? interruption.signal.reason : error);
  }
}

/**
 * The first signal ends the work in good order; the same one again ends the process: who asks twice means it.
 * The listeners stay until then, since libraries that watch signals end a process in which nobody else listens.
 */
function abortOnSignals(): void {
  const exits = {
    SIGINT: exitCodes.interrupted,
    SIGTERM: exitCodes.terminated,
    SIGHUP: exitCodes.hungUp,
  } as const;
  for (const [signal, exitCode] of Object.entries(exits)) {
    let before = false;
    process.on(signal, function listener() {
      if (before) {
        process.removeListener(signal, listener);
        process.kill(process.pid, signal);
      }
      before = true;
      if (interruption.signal.aborted) return;
      output.remark(`stopping (${signal}); what is half made is being removed`);
      interruption.abort(new CliError("INTERRUPTED", `stopped by ${signal}`, { exitCode }));
    });
  }
}
