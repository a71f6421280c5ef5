import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { commandLine } from "../../src/tools/container-command.ts";
import type { Tool } from "../../src/tools/find-tool.ts";
import { temporaryFolder, writeScript } from "./tool-script.ts";

const local = { PGHOST: "127.0.0.1", PGPORT: "5433", PGUSER: "me", PGDATABASE: "a b", PGPASSWORD: "s3cret" };

function behind(...prefix: [string, ...string[]]): Tool {
  return { name: "pg_dump", command: [...prefix, "pg_dump"], major: 17, version: "17.1", prefixed: true };
}

test("a tool of this machine gets its variables by its environment alone", () => {
  const tool: Tool = { ...behind("x"), command: ["/usr/bin/pg_dump"], prefixed: false };
  expect(commandLine(tool, ["-w"], local)).toEqual({
    program: "/usr/bin/pg_dump",
    args: ["-w"],
    environment: local,
  });
});

test("so does one behind a prefix that stays on this machine", () => {
  expect(commandLine(behind("nice", "-n", "10"), ["-w"], local)).toEqual({
    program: "nice",
    args: ["-n", "10", "pg_dump", "-w"],
    environment: local,
  });
});

test("a container gets variables by env, the password by name only, and not our loopback address", () => {
  const { program, args, environment } = commandLine(
    behind("docker", "compose", "exec", "-T", "db"),
    ["-w"],
    local,
  );
  expect([program, ...args]).toEqual(
    "docker compose exec -e PGPASSWORD -T db env PGUSER=me|PGDATABASE=a b|pg_dump|-w"
      .split("|")
      .flatMap((part, index) => (index === 0 ? part.split(" ") : [part])),
  );
  expect(environment["PGPASSWORD"]).toBe("s3cret");
});

test("a host that the container may know, too, is handed in", () => {
  const { args } = commandLine(behind("podman", "exec", "-i", "db"), [], { ...local, PGHOST: "db.internal" });
  expect(args).toContain("PGHOST=db.internal");
  expect(args).toContain("PGPORT=5433");
});

test.each([
  behind("ssh", "host"),
  behind("kubectl", "exec", "-i", "pod", "--"),
  behind("sudo", "docker", "exec", "db"),
])("no command line shows the password: %o", (tool) => {
  expect(commandLine(tool, [], local).args.join(" ")).not.toContain("s3cret");
});

test("what the user put before the tool is left as it was quoted", () => {
  const { args } = commandLine(behind("ssh", "host", "sudo -u postgres"), ["-w"], { PGUSER: "me" });
  expect(args).toEqual(["host", "sudo -u postgres", "env", "PGUSER=me", "pg_dump", "-w"]);
});

test("behind ssh, whose words a shell reads again, the tool gets the very words it was given", async () => {
  const folder = await temporaryFolder();
  await writeScript(folder, "pg_dump", String.raw`printf '%s\0' "$PGDATABASE" "$@"`);
  // What ssh does with the words after the host.
  const ssh = await writeScript(folder, "ssh", 'shift; exec sh -c "$*"');
  const env = { PATH: `${folder}:${process.env["PATH"]}` };
  const word = fc.string({ unit: "binary" }).filter((text) => !/\0|\p{Surrogate}/u.test(text));
  fc.assert(
    fc.property(fc.array(word), word, (given, database) => {
      const { program, args } = commandLine(behind(ssh, "host"), given, { PGDATABASE: database });
      const seen = execFileSync(program, args, { env }).toString().split("\0").slice(0, -1);
      expect(seen).toEqual([database, ...given]);
    }),
    { numRuns: 50 },
  );
});
