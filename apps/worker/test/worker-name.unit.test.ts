import { hostname } from "node:os";
import { expect, test } from "vitest";
import { workerName } from "../src/open-materializer.ts";

test("two workers with one host's name and one process id have different names", () => {
  const names = [workerName(), workerName()];
  expect(new Set(names).size).toBe(2);
  for (const name of names) expect(name.startsWith(`${hostname()}:${process.pid}:`)).toBe(true);
});
