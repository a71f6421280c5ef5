import pg from "pg";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { defineProjection } from "../../src/projection/define-projection.ts";
import { z } from "zod";

/**
 * Boots and follows models with an inline projection while an open transaction holds the fence before all events, within
 * a heap that these do not fit into; prints how many each of them has in the end.
 */
const pool = new pg.Pool({ connectionString: process.argv[2], max: 8 });
const counting = (mode: "async" | "inline") =>
  defineProjection<{ events: number }>({
    name: mode,
    identity: `${mode} 1`,
    mode,
    key: ({ stream }) => stream,
    schema: z.object({ events: z.number() }),
    init: () => ({ events: 0 }),
    apply: ({ events }) => ({ events: events + 1 }),
  });
const [plain, inline] = [counting("async"), counting("inline")];
const bootstrap = createBootstrap({ pool, projections: [plain, inline] });
const before = await bootstrap.boot();
const open = await pool.connect();
await open.query("begin");
await open.query("select pg_current_xact_id()");
await pool.query(
  `insert into headstart_projections.event (era, stream, version, type, data)
   select 1, 's' || n % 1000, n / 1000 + 1, 'added', json_build_object('text', repeat('x', 1000))
     from generate_series(0, 149999) as n`,
);
const sum = ({ model }: typeof before): number =>
  model.query(plain).reduce((all, { events }) => all + events, 0);
const booted = await bootstrap.boot();
await using following = bootstrap.follow(before, { pollMs: 60_000 });
await following.poll();
const shown = sum(before);
await open.query("commit");
open.release();
await bootstrap.append("last", [{ type: "added", data: {} }]);
await following.poll();
process.stdout.write(`${JSON.stringify({ booted: sum(booted), shown, final: sum(before) })}\n`);
await following.close();
await pool.end();
