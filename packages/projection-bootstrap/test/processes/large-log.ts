import pg from "pg";
import { z } from "zod";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { defineProjection } from "../../src/projection/define-projection.ts";

/** Builds, boots and follows a log that does not fit into the heap that the process was given; prints figures. */
const pool = new pg.Pool({ connectionString: process.argv[2], max: 8 });
const sizes = defineProjection({
  name: "sizes",
  identity: "sizes 1",
  key: ({ stream }) => stream,
  schema: z.object({ events: z.number(), bytes: z.number() }),
  init: () => ({ events: 0, bytes: 0 }),
  apply: ({ events, bytes }, { data }) => ({
    events: events + 1,
    bytes: bytes + (data as { text: string }).text.length,
  }),
});
const bootstrap = createBootstrap({ pool, projections: [sizes] });
const began = performance.now();
const { model, report } = await bootstrap.boot();
const total = { events: 0, bytes: 0 };
for (const [, { events, bytes }] of model.entries(sizes)) {
  total.events += events;
  total.bytes += bytes;
}
const ms = Math.round(performance.now() - began);
const { maxRSS } = process.resourceUsage();
process.stdout.write(
  `${JSON.stringify({ ...total, read: report.reads.rebuild.rows, ms, maxMB: Math.round(maxRSS / 1024) })}\n`,
);
await pool.end();
