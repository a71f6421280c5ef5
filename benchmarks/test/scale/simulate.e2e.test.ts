import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { expect, test } from "vitest";

const script = fileURLToPath(new URL("../../scale/simulate.ts", import.meta.url));
const tsx = import.meta.resolve("tsx");

test("the script's quick mode prints its table, from the costs that are committed", async () => {
  const node = ["--conditions=@headstart/source", "--import", tsx];
  const { stdout } = await execa(process.execPath, [...node, script, "--quick"]);
  expect(stdout).toMatch(/\| +\| 1 a second \| 10 a second \|/);
  expect(stdout).toMatch(/\| Postgres, processors \| [\d.]+ % \| [\d.]+ % \|/);
  expect(stdout).toMatch(/\| keeps up \| yes \| yes \|/);
});
