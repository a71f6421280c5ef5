import { join } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { recordDelivery } from "../../src/record-delivery.ts";
import { openCanvases, type Canvases } from "../open-canvases.ts";

let canvases: Canvases;
beforeAll(async () => void (canvases = await openCanvases()));
afterAll(async () => await canvases[Symbol.asyncDispose]());

function spawnService() {
  const node = ["--conditions=@headstart/source", "--import", "tsx", "projections/main.ts"];
  return execa("node", node, {
    cwd: join(import.meta.dirname, "../.."),
    env: { DATABASE_URL: canvases.url, PORT: "0", PGAPPNAME: "canvases models" },
    reject: false,
    forceKillAfterDelay: false,
  });
}

/** Starts the service, and waits until it says where it listens. */
async function startService() {
  const process = spawnService();
  const lines: string[] = [];
  for await (const line of createInterface(process.stdout)) {
    lines.push(line);
    const [, address] = /^canvases models at (\S+)$/.exec(line) ?? [];
    if (address !== undefined) {
      const get = async (path: string): Promise<{ status: number; value: unknown }> => {
        const response = await fetch(address + path, { headers: { connection: "close" } });
        const text = await response.text();
        const json = response.headers.get("content-type")?.startsWith("application/json") === true;
        return { status: response.status, value: json ? (JSON.parse(text) as unknown) : text };
      };
      return { process, booted: lines.join("\n"), get };
    }
  }
  throw new Error(`the service ended: ${(await process).stderr}`);
}

async function recordRun(id: number): Promise<void> {
  const { rows } = await canvases.db.query<{ id: number; full_name: string }>(
    "select id, full_name from repository order by id limit 1",
  );
  const client = await canvases.db.connect();
  try {
    await recordDelivery(client, {
      event: "workflow_run",
      occurredAt: new Date("2030-01-01T10:00:00Z"),
      body: {
        action: "requested",
        repository: rows[0] ?? {},
        sender: { id: 424_242, login: "newcomer", type: "User" },
        workflow_run: {
          id,
          name: "CI",
          run_number: 1,
          head_branch: "main",
          event: "push",
          display_title: `Run ${id}`,
          status: "queued",
        },
      },
    });
  } finally {
    client.release();
  }
}

test("the service boots, serves, follows what is recorded, and comes back after kill -9 without replay", async () => {
  const first = await startService();
  expect(first.booted).toMatch(/runs 15693 rows \(rebuilt\), activity 13528 rows \(rebuilt\), threads/);
  expect(await first.get("/health")).toMatchObject({
    status: 200,
    value: { healthy: true, boot: "complete", projections: { length: 3 } },
  });
  expect(await first.get("/runs?status=completed&limit=3")).toMatchObject({
    status: 200,
    value: [{ status: "completed" }, { status: "completed" }, { status: "completed" }],
  });
  expect(await first.get("/activity/100")).toMatchObject({ status: 200 });
  const { rows } = await canvases.db.query<{ stream: string; title: string }>(
    "select stream, title from document order by id limit 1",
  );
  const thread = await first.get(`/threads/${rows[0]?.stream}`);
  expect(thread).toMatchObject({ status: 200, value: { title: rows[0]?.title } });
  expect(await first.get("/runs/1")).toMatchObject({ status: 404 });
  expect(await first.get("/%zz")).toMatchObject({ status: 500, value: { error: "URI malformed" } });
  expect((await first.get("/metrics")).value).toContain(
    'headstart_projection_boot_rows{projection="runs"} 15693',
  );

  await recordRun(8_000_000_001);
  await expect
    .poll(() => first.get("/runs/8000000001"), { timeout: 60_000 })
    .toMatchObject({ status: 200, value: { title: "Run 8000000001", status: "queued" } });
  first.process.kill("SIGKILL");
  await first.process;
  await recordRun(8_000_000_002);

  const second = await startService();
  expect(second.booted).toMatch(/runs 1569\d rows \((snapshot|tail)\)/);
  expect(second.booted).toMatch(/; [0-4] events read$/m);
  for (const id of [8_000_000_001, 8_000_000_002]) {
    expect(await second.get(`/runs/${id}`)).toMatchObject({ value: { title: `Run ${id}` } });
  }
  second.process.kill("SIGTERM");
  expect(await second.process).toMatchObject({ exitCode: 0, stderr: "" });
  const { rows: left } = await canvases.db.query(
    "select 1 from pg_stat_activity where application_name = 'canvases models' and datname = current_database()",
  );
  expect(left).toEqual([]);
});

test("a service that is told to end while it boots ends well, and the next boot goes on", async () => {
  await canvases.db.query("drop schema if exists headstart_projections cascade");
  const process = spawnService();
  const begun = async (): Promise<boolean> => {
    const { rows } = await canvases.db.query<{ there: boolean }>(
      "select to_regclass('headstart_projections.version') is not null as there",
    );
    if (rows[0]?.there !== true) return false;
    const { rowCount } = await canvases.db.query(
      "select from headstart_projections.version where number > 0",
    );
    return rowCount !== 0;
  };
  await expect.poll(begun, { timeout: 60_000 }).toBe(true);
  process.kill("SIGTERM");
  expect(await process).toMatchObject({ exitCode: 0, stderr: "" });
  const again = await startService();
  expect((await again.get("/health")).status).toBe(200);
  again.process.kill("SIGINT");
  expect((await again.process).exitCode).toBe(0);
});
