import { once } from "node:events";
import { type BootReport, createBootstrap } from "@headstart/projection-bootstrap";
import pg from "pg";
import options from "./projections.config.ts";
import { createModelServer } from "./http-server.ts";

const url = process.env["DATABASE_URL"];
if (url === undefined) {
  console.error("set DATABASE_URL to a canvases database; `headstart clone canvases` makes one");
  process.exit(2);
}
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort(new Error(signal)));

const pool = new pg.Pool({ connectionString: url, max: 8 });
pool.on("error", (error) => console.error(`a resting connection ended: ${error.message}`));
try {
  await serve(pool, stop.signal);
} catch (error) {
  if (!stop.signal.aborted) throw error;
} finally {
  await pool.end();
}

/** Boots, then serves and follows until the signal aborts. */
async function serve(db: pg.Pool, signal: AbortSignal): Promise<void> {
  const bootstrap = createBootstrap({ ...options, pool: db });
  const began = performance.now();
  const booted = await bootstrap.boot({ signal });
  console.log(describe(booted.report, performance.now() - began));
  await using following = bootstrap.follow(booted, {
    pollMs: 200,
    onError: (error) => console.error("following:", error),
  });
  // Keeps the stored rows close behind the log, so that the next boot has little to read.
  const running = bootstrap.run({ signal, onError: (error) => console.error("running:", error) });
  const server = createModelServer({ bootstrap, booted, following });
  server.listen(Number(process.env["PORT"] ?? 8081), "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  console.log(`canvases models at http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`);
  if (!signal.aborted) await once(signal, "abort");
  server.close();
  server.closeIdleConnections();
  await running;
}

function describe({ position, projections, reads }: BootReport, ms: number): string {
  const parts = projections.map(({ name, mode, rows }) => `${name} ${rows} rows (${mode})`);
  const events = reads.tail.rows + reads.rebuild.rows + reads.refold.rows;
  return `booted at ${position} in ${ms.toFixed(0)} ms: ${parts.join(", ")}; ${events} events read`;
}
