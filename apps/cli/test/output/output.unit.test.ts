import { expect, test } from "vitest";
import { CliError } from "../../src/cli-error.ts";
import { createOutput, type Output } from "../../src/output/output.ts";

interface Captured {
  readonly output: Output;
  readonly stdout: string[];
  readonly stderr: string[];
}

function capture({ json = false, isTTY = false, environment = {} } = {}): Captured {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const stream = (sink: string[]): { isTTY: boolean; write(text: string): void } => ({
    isTTY,
    write: (text) => void sink.push(text),
  });
  const output = createOutput({ stdout: stream(stdout), stderr: stream(stderr), json, environment });
  return { output, stdout, stderr };
}

test("an answer goes to standard output, remarks to standard error", () => {
  const { output, stdout, stderr } = capture();
  expect(output.result({ json: { a: 1 }, text: "the answer", notes: ["by the way"], exitCode: 1 })).toBe(1);
  expect(stdout).toEqual(["the answer\n"]);
  expect(stderr).toEqual(["by the way\n"]);
});

test("with json the document is all there is", () => {
  const { output, stdout, stderr } = capture({ json: true });
  expect(output.result({ json: { a: 1 }, text: "the answer", notes: ["by the way"] })).toBe(0);
  expect(stdout).toEqual(['{\n  "a": 1\n}\n']);
  expect(stderr).toEqual([]);
});

test("an error is told with its code and its fix, and decides the exit code", () => {
  const { output, stdout, stderr } = capture();
  expect(output.failure(new CliError("CONFIG_MISSING", "there is none", { hint: "make one" }))).toBe(3);
  expect(stdout).toEqual([]);
  expect(stderr).toEqual(["error there is none [CONFIG_MISSING]\n", "fix   make one\n"]);
});

test("nothing that an error or a remark quotes steers the terminal; lines stay lines", () => {
  const { output, stderr } = capture({ isTTY: true });
  const message = "no branch \u001b[2Jmain\u009b31m\u202eniam\r\nit is one of:\n  x\u2066y";
  output.failure(new CliError("BRANCH_UNKNOWN", message, { hint: "look at \u0007it\u200f" }));
  output.remark("left \u009dover\u0085");
  expect(stderr).toEqual([
    "\u001b[31merror\u001b[39m no branch  [2Jmain 31m niam \nit is one of:\n  x y \u001b[2m[BRANCH_UNKNOWN]\u001b[22m\n",
    "\u001b[1mfix\u001b[22m   look at  it \n",
    "left  over \n",
  ]);
});

test("an error without a code is a defect, with its stack", () => {
  const { output, stderr } = capture();
  expect(output.failure(new TypeError("x is not a function"))).toBe(70);
  expect(stderr.join("")).toContain("TypeError: x is not a function\n    at ");
  expect(stderr.join("")).toContain("[UNEXPECTED]");
});

test("a system error is no error of ours, whatever its code", () => {
  const { output, stdout } = capture({ json: true });
  expect(output.failure(Object.assign(new Error("gone"), { code: "ENOENT" }))).toBe(70);
  expect(JSON.parse(stdout.join(""))).toMatchObject({ error: { code: "UNEXPECTED", message: "gone" } });
});

test("there are colours on a terminal, unless NO_COLOR or a dumb terminal forbids them", () => {
  const red = (captured: Captured): string => captured.output.colors.red("x");
  expect(red(capture({ isTTY: true }))).toBe("\u001b[31mx\u001b[39m");
  expect(red(capture({ isTTY: true, environment: { NO_COLOR: "1" } }))).toBe("x");
  expect(red(capture({ isTTY: true, environment: { TERM: "dumb" } }))).toBe("x");
  expect(red(capture({ isTTY: true, json: true }))).toBe("x");
  expect(red(capture({ isTTY: false, environment: { FORCE_COLOR: "1", CI: "1" } }))).toBe("x");
});
