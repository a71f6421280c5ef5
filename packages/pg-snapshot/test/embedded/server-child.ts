import { createInterface } from "node:readline";
import pg from "pg";
import { startEmbeddedServer } from "../../src/embedded/start-embedded-server.ts";
import { PgSnapshotError } from "../../src/errors.ts";

/** What the parent asks of this process, as JSON in the first argument. */
export interface ServerChildRequest {
  readonly directory?: string;
  readonly binaries?: string;
  readonly keepRunning?: boolean;
  /** Starts, asks a question and leaves so many times, and then ends. */
  readonly rounds?: number;
}

const { rounds, ...options } = JSON.parse(process.argv[2] ?? "{}") as ServerChildRequest;
const emit = (event: string, more: object = {}): void =>
  void process.stdout.write(`${JSON.stringify({ event, ...more })}\n`);

async function start() {
  return await startEmbeddedServer({
    ...options,
    onProgress: ({ detail }) => emit("progress", { detail }),
  });
}

async function ask(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("select 1");
  await client.end();
}

try {
  for (let round = 0; round < (rounds ?? 0); round += 1) {
    await using server = await start();
    await ask(server.url);
  }
  if (rounds === undefined) {
    const server = await start();
    const { url, version, dataDirectory, logFile } = server;
    emit("started", { url, version, dataDirectory, logFile });
    // While idle, membership must not keep the process: the parent's pipe does until it says what to do.
    for await (const line of createInterface({ input: process.stdin })) {
      if (line === "leave") await server.leave();
      if (line === "stop") await server.stop();
      process.stdin.destroy();
      break;
    }
    emit("left");
  }
} catch (error) {
  const code = error instanceof PgSnapshotError ? error.code : undefined;
  emit("failed", { code, message: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
}
