import pg from "pg";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { story, totals } from "../support/projections.ts";

/**
 * Does one piece of work and prints how many statements it took; or is killed, without a chance to tidy up, in the
 * moment in which it would send the statement of a given number.
 */
const [url, work, killAt] = process.argv.slice(2);
let statements = 0;
const prototype = pg.Client.prototype as unknown as { query: (...given: unknown[]) => unknown };
const { query } = prototype;
prototype.query = function (this: unknown, ...given: unknown[]) {
  statements++;
  if (statements === Number(killAt)) process.kill(process.pid, "SIGKILL");
  return query.apply(this, given);
};

const pool = new pg.Pool({ connectionString: url, max: 8 });
const bootstrap = createBootstrap({ pool, projections: [totals(), story()], page: { rows: 4 } });
if (work === "boot") await bootstrap.boot();
if (work === "catch up") await bootstrap.catchUp();
if (work === "rebuild") await bootstrap.rebuild("totals");
await pool.end();
process.stdout.write(`${statements}\n`);
