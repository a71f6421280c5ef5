import pg from "pg";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { amounts, story, totals } from "../support/projections.ts";

/**
 * Does one piece of work and prints how many statements it took; or is killed, without a chance to tidy up, in the
 * moment in which it would send the statement of a given number, or the first that matches `/pattern/`. The sums may be
 * kept inline.
 */
const [url, work, killAt = "", mode] = process.argv.slice(2);
const pattern = killAt.startsWith("/") ? new RegExp(killAt.slice(1, -1), "s") : undefined;
let statements = 0;
const prototype = pg.Client.prototype as unknown as { query: (...given: unknown[]) => unknown };
const { query } = prototype;
prototype.query = function (this: unknown, ...given: unknown[]) {
  statements++;
  const text = typeof given[0] === "string" ? given[0] : (given[0] as { text?: string }).text;
  const reached = pattern === undefined ? statements === Number(killAt) : pattern.test(text ?? "");
  if (reached) process.kill(process.pid, "SIGKILL");
  return query.apply(this, given);
};

const pool = new pg.Pool({ connectionString: url, max: 8 });
const sums = totals({ mode: mode === "inline" ? "inline" : "async" });
const bootstrap = createBootstrap({ pool, projections: [sums, story()], page: { rows: 4 } });
if (work === "boot") await bootstrap.boot();
if (work === "catch up") await bootstrap.catchUp();
if (work === "rebuild") await bootstrap.rebuild("totals");
if (work === "append") await bootstrap.append("s0", amounts(4, 5));
await pool.end();
process.stdout.write(`${statements}\n`);
