import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { configSchema } from "../src/config/config-schema.ts";
import { pages } from "./support/deployed.config.ts";
import { scratchDatabase } from "./support/scratch-database.ts";
import { startWorkerProcess } from "./support/worker-process.ts";

const deployed = (name: string): string => fileURLToPath(new URL(`../deploy/${name}`, import.meta.url));

test("what deploy/ holds starts where its unit says, on a machine that has nothing else", async () => {
  const unit = await readFile(deployed("headstart-worker.service"), "utf8");
  const [, program = "", config = ""] = /^ExecStart=\S+ .*?(\S+\.js) --config (\S+)$/m.exec(unit) ?? [];
  const packages = program.slice(0, program.indexOf("/@headstart/"));
  // The machine: the paths of the unit below a folder that has no node_modules above it.
  const machine = await mkdtemp(join(tmpdir(), "headstart-machine-"));
  onTestFinished(async () => await rm(machine, { recursive: true, force: true }));
  const variables = /^EnvironmentFile=(\S+)$/m.exec(unit)?.[1] ?? "";
  for (const path of [config, variables]) await mkdir(join(machine, dirname(path)), { recursive: true });
  await mkdir(join(machine, packages), { recursive: true });
  const example = await readFile(deployed("headstart-worker.config.mjs"), "utf8");
  // Nothing is fetched from where the example points, and no load balancer is waited for.
  const here = example.replaceAll("github.com", "git.invalid").replace("http: {", "http: { lingerMs: 0,");
  await writeFile(join(machine, config), here);
  await cp(deployed("headstart-worker.env"), join(machine, variables));
  // As `npm install` in that folder does; what is of @headstart, the worker has itself.
  const zod = fileURLToPath(new URL("../node_modules/zod", import.meta.url));
  await symlink(zod, join(machine, packages, "zod"));
  await using database = await scratchDatabase({ migrated: false });
  const worker = startWorkerProcess({
    cwd: machine,
    args: ["--config", join(machine, config)],
    environment: {
      ...(parseEnv(await readFile(join(machine, variables), "utf8")) as Record<string, string>),
      DATABASE_URL: database.url,
      HEADSTART_WORKER_PORT: "0",
      HEADSTART_WORKER_MIRRORS: join(machine, "mirrors"),
    },
  });
  await worker.logged("worker.ready");
  const health = await fetch(`${await worker.url()}/healthz`);
  expect(await health.json()).toEqual({ status: "ok" });
  worker.send("SIGTERM");
  expect(await worker.exited).toBe(0);
});

test("who supervises it waits for longer than it may take to end", async () => {
  const { drainMs } = configSchema.parse({ projectors: [pages], mirrors: { directory: "mirrors" } });
  const unit = await readFile(deployed("headstart-worker.service"), "utf8");
  const container = await readFile(deployed("Containerfile"), "utf8");
  for (const [, seconds] of [
    /^TimeoutStopSec=(\d+)$/m.exec(unit),
    /--stop-timeout (\d+)/.exec(container),
  ].map((found) => found ?? []))
    expect(Number(seconds) * 1000).toBeGreaterThan(drainMs);
  expect(unit).toContain(`drainMs (${drainMs / 1000} seconds`);
});
