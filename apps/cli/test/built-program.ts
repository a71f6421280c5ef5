import { fileURLToPath } from "node:url";
import { execa } from "execa";

/**
 * Builds what the tests start as processes of their own. From its sources each start would take twice as long,
 * and what is published would never be run.
 */
export default async function builtProgram(): Promise<void> {
  // Turbo builds before it tests.
  if (process.env["TURBO_HASH"] !== undefined) return;
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const args = ["run", "build", "--filter=@headstart/cli...", "--output-logs=errors-only"];
  await execa("turbo", args, { cwd, preferLocal: true, stdio: ["ignore", "ignore", "inherit"] });
}
