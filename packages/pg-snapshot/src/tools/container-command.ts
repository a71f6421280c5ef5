import { basename } from "node:path";
import type { Tool } from "./find-tool.ts";

/** A program, its arguments, and the variables of Postgres that it gets through its environment. */
export interface CommandLine {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** Programs behind which another environment and network begin. */
const boundaries = new Set([
  "docker",
  "docker-compose",
  "podman",
  "podman-compose",
  "nerdctl",
  "kubectl",
  "oc",
  "lxc",
  "incus",
  "ssh",
]);
/** Of these, those whose `exec -e NAME` hands a variable on without showing its value to `ps`. */
const forwarding = new Set(["docker", "docker-compose", "podman", "podman-compose", "nerdctl"]);
const loopback = /^(localhost|127\..*|::1|\/.*)$/;
const secrets = new Set(["PGPASSWORD", "PGSSLPASSWORD"]);

/**
 * How to run `tool` with variables of Postgres in its environment. A container takes none of ours over, so they
 * are handed in by `env`, and secrets, which a command line would show, by the container program's own means.
 *
 * This machine's loopback address and ports are not the container's: there the tool finds the server where its
 * own defaults say. Behind `kubectl` and `ssh` a password cannot be handed in; `.pgpass` there has to have it.
 */
export function commandLine(
  tool: Tool,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): CommandLine {
  const [program, ...leading] = tool.command;
  const boundary = tool.prefixed ? boundaryOf(tool.command) : undefined;
  if (boundary === undefined) return { program, args: [...leading, ...args], environment };

  const outside = loopback.test(environment["PGHOST"] ?? "localhost") ? ["PGHOST", "PGPORT"] : [];
  const inside = Object.entries(environment).filter(([name]) => !outside.includes(name));
  const words = tool.command.slice(0, -1);
  const exec = words.findIndex((word) => word === "exec" || word === "run");
  if (exec > 0 && forwarding.has(boundary)) {
    const secret = inside.filter(([name]) => secrets.has(name)).flatMap(([name]) => ["-e", name]);
    words.splice(exec + 1, 0, ...secret);
  }
  const quoted = boundary === "ssh" ? quoteForShell : (word: string): string => word;
  const open = inside.filter(([name]) => !secrets.has(name)).map(([name, value]) => `${name}=${value}`);
  return {
    program,
    args: [
      ...words.slice(1),
      ...(open.length > 0 ? ["env", ...open] : []).map(quoted),
      tool.name,
      ...args.map(quoted),
    ],
    environment,
  };
}

/** `ssh` joins its words by blanks, and the shell over there reads them again. What the user wrote is left as it is. */
function quoteForShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

function boundaryOf(command: readonly string[]): string | undefined {
  return command.map((word) => basename(word)).find((word) => boundaries.has(word));
}
