import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ambientVariables } from "../src/build/build-environment.ts";
import { configSchema } from "../src/config/config-schema.ts";
import { exitCodeOf, isErrorCode, type ErrorCode } from "../src/exit-codes.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const exitCodesSource = readFileSync(new URL("../src/exit-codes.ts", import.meta.url), "utf8");
const cliErrorSource = readFileSync(new URL("../src/cli-error.ts", import.meta.url), "utf8");

/** Rows of the table that follows a heading, as the texts of their cells. */
function tableAfter(heading: string): string[][] {
  const section = readme.slice(readme.indexOf(heading));
  const [table = ""] = /\|[^]*?\n\n/.exec(section) ?? [];
  const rows = table.trim().split("\n").slice(2);
  return rows.map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

test("the table of exit codes holds every error code in its row", () => {
  const documented = new Map<string, number>();
  for (const [exitCode = "", , codes = ""] of tableAfter("## Exit codes")) {
    for (const [, code = ""] of codes.matchAll(/`([A-Z_]+)`/g)) documented.set(code, Number(exitCode));
  }
  documented.delete("UNEXPECTED");
  documented.delete("INTERRUPTED");
  const known = [...exitCodesSource.matchAll(/^ {2}([A-Z_]+): "\w+",$/gm)].map(
    ([, code]) => code as ErrorCode,
  );
  expect([...documented.keys(), "INTERRUPTED"].sort()).toEqual(known.sort());
  for (const [code, exitCode] of documented) {
    expect(isErrorCode(code) && exitCodeOf(code), code).toBe(exitCode);
  }
});

test("the command line's own error codes are explained", () => {
  const [union = ""] = /CliErrorCode =[^;]*;/.exec(cliErrorSource) ?? [];
  const codes = [...union.matchAll(/"([A-Z_]+)"/g)].map(([, code = ""]) => code);
  const explained = tableAfter("The command line's own:").map(([code = ""]) => code.replaceAll("`", ""));
  expect(explained.sort()).toEqual(codes.sort());
});

test("every key of the configuration is explained", () => {
  const { projections, server, targets } = configSchema.shape;
  const keys = [
    ...Object.keys(projections.unwrap().shape).map((key) => `projections.${key}`),
    ...Object.keys(server.unwrap().shape).map((key) => `server.${key}`),
    ...Object.keys(targets.valueType.shape).map((key) => `targets.*.${key}`),
  ];
  const explained = tableAfter("## Configuration").map(([key = ""]) => key.replaceAll("`", ""));
  expect(explained.sort()).toEqual(keys.sort());
});

test("every variable that a build sees undeclared is named", () => {
  const named = readme.toUpperCase();
  for (const name of ambientVariables) expect(named).toContain(`\`${name.toUpperCase()}\``);
});
