import { readFile, rm } from "node:fs/promises";
import { expect, test } from "vitest";
import { makeProject, type Project, type RunOptions } from "./fixtures/project.ts";
import { query } from "./fixtures/databases.ts";

async function digest(project: Project, options?: RunOptions): Promise<string> {
  const { stdout, stderr, exitCode } = await project.run(["fingerprint"], options);
  expect(exitCode, stderr).toBe(0);
  return stdout;
}

test("a variable that a target does not declare cannot change its fingerprint", async () => {
  await using project = await makeProject();
  const plain = await digest(project);
  expect(plain).toMatch(/^[0-9a-f]{64}$/);
  const env = {
    SEED: "1",
    NODE_ENV: "production",
    CI: "true",
    LANG: "C",
    PGHOST: "elsewhere",
    TZ: "Asia/Tokyo",
  };
  expect(await digest(project, { env })).toBe(plain);
});

test("a declared variable changes it, and empty is not the same as unset", async () => {
  await using project = await makeProject();
  await project.configure({ environment: ["SEED"] });
  const digests = [
    await digest(project),
    await digest(project, { env: { SEED: "" } }),
    await digest(project, { env: { SEED: "1" } }),
    await digest(project, { env: { SEED: "unset" } }),
  ];
  expect(new Set(digests).size).toBe(4);
  expect(await digest(project, { env: { SEED: "1" } })).toBe(digests[2]);
});

test("the value of a declared variable enters the manifest as a hash only", async () => {
  await using project = await makeProject();
  await project.configure({ environment: ["API_TOKEN"] });
  const env = { API_TOKEN: "hunter2-correct-horse" };
  const outcome = await project.run(["fingerprint", "--explain", "--json"], { env });
  expect(outcome.stdout).toContain("@input/env/API_TOKEN");
  expect(outcome.stdout).not.toContain("hunter2");
});

test("a configuration that describes a target by an undeclared variable is refused where it is set", async () => {
  await using project = await makeProject();
  const config = (environment: string[]): string => `
    export default {
      targets: {
        app: {
          inputs: { migrations: process.env.MIGRATIONS ?? "migrations" },
          environment: ${JSON.stringify(environment)},
          build: { command: ["true"] },
        },
      },
    };`;
  await project.write("elsewhere/1.sql", "select 1");
  await project.write("headstart.config.ts", config([]));
  expect(await project.run(["fingerprint"])).toMatchObject({ exitCode: 0 });
  const env = { MIGRATIONS: "elsewhere" };
  const refused = await project.json<{ error: { code: string; message: string } }>(["fingerprint"], { env });
  expect(refused).toMatchObject({ exitCode: 3, error: { code: "CONFIG_ENVIRONMENT" } });
  expect(refused.error.message).toContain('"inputs" of target "app"');
  expect(refused.error.message).toContain("MIGRATIONS");

  await project.write("headstart.config.ts", config(["MIGRATIONS"]));
  expect(await project.run(["fingerprint"], { env })).toMatchObject({ exitCode: 0 });
});

const app = (version: string): string =>
  `{ targets: { app: { version: ${version}, inputs: { migrations: "migrations" }, build: { command: ["true"] } } } }`;

test.for([
  ["read by a native module", { "headstart.config.mjs": `export default ${app("process.env.FOO ?? 1")}` }],
  [
    "read by a module that the file imports",
    {
      "headstart.config.ts": `import { foo } from "./foo.mjs"; export default ${app("foo")}`,
      "foo.mjs": "export const foo = process.env.FOO ?? 1;",
    },
  ],
  [
    "imported by its name",
    { "headstart.config.mjs": `import { env } from "node:process"; export default ${app("env.FOO ?? 1")}` },
  ],
  ["demanded", { "headstart.config.ts": `export default ${app("process.env.FOO!.trim()")}` }],
  [
    "one of the values of which makes another target",
    {
      "headstart.config.ts": `export default process.env.FOO ? ${app("2")} : { targets: { app: { version: 2 } } }`,
    },
  ],
] as const)("an undeclared variable is found when it is %s", async ([, files]) => {
  await using project = await makeProject();
  await rm(project.path("headstart.config.ts"));
  for (const [name, content] of Object.entries(files)) await project.write(name, content);
  const env = { FOO: "two" };
  const refused = await project.json<{ error: { message: string } }>(["fingerprint"], { env });
  expect(refused).toMatchObject({ exitCode: 3, error: { code: "CONFIG_ENVIRONMENT" } });
  expect(refused.error.message).toContain("FOO");
});

test("of all variables that a configuration copies, those that matter are named", async () => {
  await using project = await makeProject();
  await project.write(
    "headstart.config.ts",
    `const env = { ...process.env }; export default ${app("[env.FOO, env.BAR].join()")}`,
  );
  const env = { FOO: "1", BAR: "2", OTHER: "3" };
  const { error } = await project.json<{ error: { hint: string } }>(["fingerprint"], { env });
  expect(error.hint).toBe('add "BAR", "FOO" to the target\'s "environment", or describe it without');
});

test("a configuration that nobody can evaluate without a variable is refused with the ways out", async () => {
  await using project = await makeProject();
  await project.write(
    "headstart.config.ts",
    `if (process.env.STAGE !== "blue") throw new Error("what stage?"); export default ${app("1")}`,
  );
  const env = { STAGE: "blue" };
  const refused = await project.json<{ error: { message: string; hint: string } }>(["fingerprint"], { env });
  expect(refused).toMatchObject({ exitCode: 3, error: { code: "CONFIG_ENVIRONMENT" } });
  expect(refused.error.hint).toContain('add "STAGE" to the target\'s "environment", or give it a default');
});

test("chance is not blamed on a variable", async () => {
  await using project = await makeProject();
  await project.write(
    "headstart.config.ts",
    `export default { server: { url: process.env.MY_SERVER }, ...${app("Math.random()")} }`,
  );
  const env = { MY_SERVER: "postgres://me@somewhere/x" };
  const refused = await project.json<{ error: { message: string } }>(["fingerprint"], { env });
  expect(refused).toMatchObject({ exitCode: 3, error: { code: "CONFIG_INVALID" } });
  expect(refused.error.message).toContain('"version" of target "app"');
});

test("a configuration may take the server's address from the environment", async () => {
  await using project = await makeProject();
  await project.write(
    "headstart.config.mjs",
    `const url = process.env.MY_SERVER;
    if (!url) throw new Error("MY_SERVER is not set");
    export default {
      server: { url },
      targets: { app: { inputs: { migrations: "migrations" }, build: { command: ["true"] } } },
    };`,
  );
  const config = ["--config", "headstart.config.mjs"];
  const env = { MY_SERVER: "postgres://me@somewhere/x" };
  expect(await project.run(["fingerprint", ...config], { env })).toMatchObject({ exitCode: 0 });
  const unset = await project.json<{ error: { message: string } }>(["fingerprint", ...config]);
  expect(unset).toMatchObject({ exitCode: 3, error: { code: "CONFIG_INVALID" } });
  expect(unset.error.message).toContain("MY_SERVER is not set");
});

const seen = `
  const names = Object.keys(process.env).filter((name) => /^(SEED|OTHER|PG|DATABASE_URL|HEADSTART|CI)/.test(name));`;

test("a command sees declared variables, the empty database, and none of the others", async () => {
  await using project = await makeProject();
  await project.write(
    "show.mjs",
    `import { writeFileSync } from "node:fs";
    ${seen}
    writeFileSync("seen.json", JSON.stringify(names.sort()));
    writeFileSync("database.txt", process.env.PGDATABASE + " " + new URL(process.env.DATABASE_URL).pathname.slice(1));`,
  );
  await project.configure({ environment: ["SEED"], build: { command: ["node", "show.mjs"] } });
  const env = { SEED: "1", OTHER: "2", CI: "1", PGAPPNAME: "x" };
  expect(await project.run(["prepare"], { env })).toMatchObject({ exitCode: 0 });
  expect(JSON.parse(await readFile(project.path("seen.json"), "utf8"))).toEqual([
    "DATABASE_URL",
    "PGDATABASE",
    "PGHOST",
    "PGPASSWORD",
    "PGPORT",
    "PGSSLMODE",
    "PGUSER",
    "SEED",
  ]);
  const [first, second] = (await readFile(project.path("database.txt"), "utf8")).split(" ");
  expect(first).toMatch(/^hs_b_/);
  expect(second).toBe(first);
});

test("a function sees the same, and fills the database", async () => {
  await using project = await makeProject();
  await project.write(
    "headstart.config.ts",
    `import { execFileSync } from "node:child_process";
    import { env } from "node:process";
    import { defineConfig } from "@headstart/cli";
    export default defineConfig({
      targets: {
        app: {
          version: ${JSON.stringify(project.directory)},
          inputs: { migrations: "migrations" },
          environment: ["SEED"],
          build: async ({ url, report }: { url: string; report(detail: string): void }) => {
            ${seen}
            if (env !== process.env) throw new Error("the import shows another environment");
            report("loading");
            const sql = \`create table seen as select '\${names.sort().join()}' as names\`;
            execFileSync("psql", ["--quiet", "--command", sql, url]);
          },
        },
      },
    });`,
  );
  const env = { SEED: "1", OTHER: "2" };
  expect(await project.run(["prepare"], { env })).toMatchObject({ exitCode: 0 });
  const { url } = await project.json<{ url: string }>(["clone"], { env });
  expect(await query("select names from seen", { url })).toEqual([
    { names: "DATABASE_URL,PGDATABASE,PGHOST,PGPASSWORD,PGPORT,PGSSLMODE,PGUSER,SEED" },
  ]);
});
