import { execFile } from "node:child_process";

/** Variables under which git behaves the same on every machine: no one's configuration, no prompts, English. */
export const plainEnvironment: Readonly<Record<string, string>> = {
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  LC_ALL: "C",
};

/** Runs git as its user would, and gives its output. @throws Error with git's words when it fails */
export async function runPlainGit(
  directory: string,
  args: readonly string[],
  input: Buffer | string = "",
): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const options = {
      cwd: directory,
      env: plainEnvironment,
      encoding: "buffer",
      maxBuffer: 1 << 28,
    } as const;
    const child = execFile("git", args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`git ${args.join(" ")}: ${stderr.toString()}`, { cause: error }));
    });
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}
