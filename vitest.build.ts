import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";

const turbo = fileURLToPath(new URL("node_modules/.bin/turbo", import.meta.url));

/**
 * Builds the programs that a package's tests start as processes of their own. From its sources each start would take
 * twice as long, and what is published would never be run.
 */
export default function build(project: TestProject): void {
  // Turbo builds before it tests.
  if (process.env["TURBO_HASH"] !== undefined) return;
  const args = ["run", "build", "--output-logs=errors-only"];
  execFileSync(turbo, args, { cwd: project.config.root, stdio: ["ignore", "ignore", "inherit"] });
}
