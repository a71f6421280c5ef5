import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startWorkerProcess, type StartOptions } from "../support/worker-process.ts";
import { workerProject } from "../support/worker-project.ts";

interface Ran {
  readonly code: number | NodeJS.Signals;
  readonly output: string;
}

async function run(options: StartOptions): Promise<Ran> {
  const worker = startWorkerProcess(options);
  return { code: await worker.exited, output: worker.output() };
}

/** A configuration of a test's own. */
async function configOf(content: string, extension = "mjs"): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "headstart-config-"));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  const file = join(folder, `headstart-worker.config.${extension}`);
  await writeFile(file, content);
  return file;
}

test("--help names every exit code and the switch, and ends with 0", async () => {
  const { code, output } = await run({ args: ["--help"] });
  expect(code).toBe(0);
  for (const exitCode of [0, 2, 3, 4, 5, 70]) expect(output).toMatch(new RegExp(`\\b${exitCode} +\\w`));
  expect(output).toContain("START_REPOSITORY_MATERIALIZER=yes");
});

test("a wrong command line ends with 2 and says where help is", async () => {
  const { code, output } = await run({ args: ["--chek"] });
  expect(code).toBe(2);
  expect(output).toContain("Did you mean --check?");
  expect(output).toContain("headstart-worker --help");
});

test("--check prints the configuration with where secrets come from and without any secret", async () => {
  const { start, databaseUrl } = await workerProject({
    config: {
      http: { port: 0, token: { env: "PAGE_TOKEN" } },
      webhooks: { sources: { "our-github": { forge: "github", secrets: [{ env: "HOOK_SECRET" }] } } },
    },
  });
  const environment = { PAGE_TOKEN: "page-token-93", HOOK_SECRET: "hook-secret-71" };
  const worker = start({ args: ["--check"], environment });
  expect(await worker.exited).toBe(0);
  const { config } = JSON.parse(worker.output()) as { config: Record<string, unknown> };
  expect(config).toMatchObject({
    database: { env: "DATABASE_URL" },
    projectors: [{ name: "pages", revision: "1" }],
    http: { host: "127.0.0.1", port: 0, token: { env: "PAGE_TOKEN" } },
    reconcile: { concurrency: 4 },
    drainMs: 25_000,
  });
  for (const secret of [databaseUrl, ...Object.values(environment)])
    expect(worker.output()).not.toContain(secret);
});

test("every secret that is missing is named by its key, and the worker does not start", async () => {
  const { start } = await workerProject({
    config: { http: { token: { env: "PAGE_TOKEN" } }, amqp: { url: { file: "/nonexistent/amqp-url" } } },
  });
  const worker = start({ environment: { DATABASE_URL: "" } });
  expect(await worker.exited).toBe(3);
  expect(worker.stderr()).toContain("SECRET_MISSING");
  for (const key of ["database: ", "http.token: ", "amqp.url: "])
    expect(worker.stderr()).toContain(`  ${key}`);
});

test("a signing token by which no webhook could be authentic is named by its key, and the worker does not start", async () => {
  const secrets = ["GOOD", "SHORT", "TOKEN", "TEXT"].map((env) => ({ env }));
  const { start } = await workerProject({
    config: { webhooks: { sources: { "our-gitlab": { forge: "gitlab", secrets } } } },
  });
  const environment = {
    GOOD: `whsec_${Buffer.alloc(24, 7).toString("base64")}`,
    SHORT: `whsec_${Buffer.alloc(23, 7).toString("base64")}`,
    TOKEN: "a-secret-token",
    TEXT: "whsec_no base64 at all, whatever its length is",
  };
  const checked = start({ args: ["--check"], environment });
  expect(await checked.exited).toBe(3);
  expect(checked.stderr()).toContain("CONFIG_INVALID");
  const named = [
    ...checked.stderr().matchAll(/^ {2}webhooks\.sources\.our-gitlab\.secrets\[(\d)\]: (\w+) holds no/gm),
  ];
  expect(named.map(([, index, variable]) => [index, variable])).toEqual([
    ["1", "SHORT"],
    ["3", "TEXT"],
  ]);
  expect(checked.stderr()).toContain("at least 24 bytes in base64");
  for (const secret of Object.values(environment)) expect(checked.output()).not.toContain(secret);
});

test("every wrong key is named with what was expected, and no value is repeated", async () => {
  const file = await configOf(
    `export default ${JSON.stringify({
      database: "postgres://app:hunter2-secret@db/app",
      projectors: [],
      repositories: [{ name: "x", url: "https://bot:hunter2-secret@example.org/x.git", projector: "pages" }],
      mirrors: {},
      http: { prot: 80 },
      reconcile: { concurrency: 0 },
      observe: { pollMinMs: 5_000, pollMaxMs: 1_000 },
    })};`,
  );
  const { code, output } = await run({
    args: ["--config", file],
    environment: { START_REPOSITORY_MATERIALIZER: "yes" },
  });
  expect(code).toBe(3);
  for (const line of [
    'database: expected { env: "NAME" } or { file: "/path" }',
    "projectors: expected at least one projector",
    "repositories[0].url: expected an address without user, password or query",
    "mirrors.directory: expected a text, got nothing",
    "http.prot: there is no such key",
    "reconcile.concurrency: expected at least 1, got 0",
    "observe.pollMaxMs: expected a time that is not below pollMinMs",
  ])
    expect(output).toContain(`  ${line}`);
  expect(output).not.toContain("hunter2");
});

test.each([
  [
    "a configuration that is absent",
    ["--config", "/nonexistent/x.ts"],
    'CONFIG_MISSING: "/nonexistent/x.ts"',
  ],
  ["none at all", [], "CONFIG_MISSING: No headstart-worker.config.ts"],
])("%s ends with 3 and says what to do", async (_, args, words) => {
  const { code, output } = await run({
    args,
    cwd: "/",
    environment: { START_REPOSITORY_MATERIALIZER: "yes" },
  });
  expect(code).toBe(3);
  expect(output).toContain(words);
});

test("a configuration in JSON, which can hold no projector, is not looked for, and says so when it is there", async () => {
  const file = await configOf('{ "mirrors": { "directory": "mirrors" } }', "json");
  const environment = { START_REPOSITORY_MATERIALIZER: "yes" };
  const found = await run({ cwd: dirname(file), environment });
  expect(found.code).toBe(3);
  expect(found.output).toContain("CONFIG_MISSING: No headstart-worker.config.ts");
  expect(found.output).toContain(`"${file}" is not read`);
  const named = await run({ args: ["--config", file], environment });
  expect(named.code).toBe(3);
  expect(named.output).toContain(`CONFIG_INVALID: "${file}" is JSON, which can hold no projector`);
});

test("variables replace keys, and one that is no number is named", async () => {
  const { start } = await workerProject();
  const replaced = start({
    args: ["--check"],
    environment: { HEADSTART_WORKER_CONCURRENCY: "9", HEADSTART_WORKER_DRAIN_MS: "5000" },
  });
  expect(await replaced.exited).toBe(0);
  expect(JSON.parse(replaced.output())).toMatchObject({
    config: { reconcile: { concurrency: 9 }, drainMs: 5_000 },
  });
  const wrong = start({ environment: { HEADSTART_WORKER_PORT: "http" } });
  expect(await wrong.exited).toBe(3);
  expect(wrong.stderr()).toContain("HEADSTART_WORKER_PORT is not a whole number");
});

test("a database's address that is none is refused without being repeated", async () => {
  const { start } = await workerProject();
  const worker = start({ environment: { DATABASE_URL: "app:hunter2@db/app" } });
  expect(await worker.exited).toBe(3);
  expect(worker.stderr()).toContain("CONFIG_INVALID: database: DATABASE_URL holds no address");
  expect(worker.output()).not.toContain("hunter2");
});

test("a repository that the materializer does not accept is named by its place", async () => {
  const { start } = await workerProject({
    config: { repositories: [{ name: "handbook", url: "ftp://example.org/x.git", projector: "pages" }] },
  });
  const worker = start();
  expect(await worker.exited).toBe(3);
  expect(worker.stderr()).toContain('CONFIG_INVALID: repositories[0] ("handbook"): The protocol "ftp"');
});

test("what only the materializer knows to be wrong is found by --check, and at the start", async () => {
  const { start } = await workerProject({
    config: { mirrors: { directory: "mirrors", limits: { maxPathBytes: 1_000_000 } } },
  });
  for (const worker of [start({ args: ["--check"] }), start()]) {
    expect(await worker.exited).toBe(3);
    expect(worker.stderr()).toContain("CONFIG_INVALID: The materializer does not take it: ");
    expect(worker.stderr()).toContain("mirrors.limits.maxPathBytes: 1000000 was given");
  }
});

test("an address in the environment that is none ends with 3, also when the worker is off", async () => {
  const { code, output } = await run({ cwd: "/", environment: { HEADSTART_WORKER_PORT: "70000" } });
  expect(code).toBe(3);
  expect(output).toContain("CONFIG_INVALID: The environment is not right:");
  expect(output).toContain("  http.port: expected a port, got 70000");
});

test("an address that is taken, a password that is wrong and a folder that is none end with 4", async () => {
  const { start, databaseUrl } = await workerProject();
  const taken = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void taken.close());
  await once(taken, "listening");
  const port = String((taken.address() as AddressInfo).port);
  const unknown = new URL(databaseUrl);
  unknown.pathname = "/no_such_database";
  const cases: [Record<string, string>, string][] = [
    [{ HEADSTART_WORKER_PORT: port }, "ADDRESS_UNAVAILABLE"],
    [{ DATABASE_URL: unknown.href }, "DATABASE_REFUSED"],
    [{ HEADSTART_WORKER_MIRRORS: "/dev/null/mirrors" }, "MIRRORS_UNWRITABLE"],
    [{ PATH: "/nonexistent" }, "GIT_UNUSABLE"],
  ];
  const workers = cases.map(([environment]) => start({ environment }));
  for (const [index, [, code]] of cases.entries()) {
    expect(await workers[index]?.exited, code).toBe(4);
    expect(workers[index]?.stderr()).toContain(`headstart-worker: ${code}: `);
  }
});
