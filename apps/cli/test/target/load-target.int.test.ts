import { expect, test } from "vitest";
import { loadTarget } from "../../src/index.ts";
import { baseEnvironment, makeProject } from "../fixtures/project.ts";

test("a program gets the target with the very key that the commands use", async () => {
  await using project = await makeProject();
  await project.configure({ environment: ["SEED"], require: [{ table: "events" }] });
  const environment = { ...baseEnvironment(project.directory), SEED: "1" };
  const target = await loadTarget("app", { cwd: project.directory, environment });
  const { digest } = await target.fingerprint({ signal: new AbortController().signal });
  expect((await project.run(["fingerprint"], { env: { SEED: "1" } })).stdout).toBe(digest);
  expect(target).toMatchObject({ name: "app", require: [{ table: "events" }], stores: [{ writable: true }] });
});

test("a name may be left out where there is one target, and has to be known", async () => {
  await using project = await makeProject();
  const options = { cwd: project.directory, environment: baseEnvironment(project.directory) };
  expect((await loadTarget(undefined, options)).name).toBe("app");
  await expect(loadTarget("apo", options)).rejects.toMatchObject({ code: "TARGET_UNKNOWN" });
});
