import { readFile, rm } from "node:fs/promises";
import { expect, test } from "vitest";
import { makeProject, type Project } from "./fixtures/project.ts";

async function bareProject(name?: string): Promise<Project> {
  const project = await makeProject(name);
  await rm(project.path("headstart.config.ts"));
  return project;
}

test("init writes a configuration of what it recognises, which then works", async () => {
  await using project = await bareProject("My Shop (new)");
  await project.write(
    "package.json",
    JSON.stringify({ scripts: { "db:migrate": "node -e ''", seed: "true" } }),
  );
  await project.write("db/seeds/1.sql", "select 1");
  const outcome = await project.json(["init"]);
  expect(outcome).toMatchObject({
    exitCode: 0,
    file: project.path("headstart.config.ts"),
    inputs: ["migrations", "db/seeds"],
    command: ["npm", "run", "seed"],
  });
  expect(await readFile(project.path("headstart.config.ts"), "utf8")).toContain("// What is left out");
  expect(await project.json(["fingerprint"])).toMatchObject({
    exitCode: 0,
    targets: [{ target: "my-shop-new" }],
  });
  expect(await project.json(["prepare"])).toMatchObject({ exitCode: 0, targets: [{ tier: "build" }] });
});

test("init says what it did not recognise", async () => {
  await using project = await bareProject();
  await rm(project.path("migrations"), { recursive: true });
  const outcome = await project.run(["init"]);
  expect(outcome.exitCode).toBe(0);
  expect(outcome.stdout).toContain("inputs: none were recognised");
  expect(outcome.stdout).toContain("build:  not recognised");
  expect(await project.json(["fingerprint"])).toMatchObject({ exitCode: 3, error: { code: "ROOT_MISSING" } });
});

test("init replaces nothing unless it is told to", async () => {
  await using project = await bareProject();
  await project.write("headstart.config.ts", "mine");
  expect(await project.json(["init"])).toMatchObject({ exitCode: 2, error: { code: "FILE_EXISTS" } });
  expect(await readFile(project.path("headstart.config.ts"), "utf8")).toBe("mine");
  expect(await project.run(["init", "--force"])).toMatchObject({ exitCode: 0 });
  expect(await project.run(["fingerprint"])).toMatchObject({ exitCode: 0 });

  await rm(project.path("headstart.config.ts"));
  await project.write("headstart.config.json", "{}");
  expect(await project.json(["init", "--force"])).toMatchObject({
    exitCode: 2,
    error: { code: "FILE_EXISTS" },
  });
});
