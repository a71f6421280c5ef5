import { loadTarget } from "@headstart/cli";
import { prepare } from "@headstart/pg-snapshot";
import pg from "pg";
import { inject } from "vitest";

/** A canvases database of the test file's own, dropped when it is disposed of. */
export interface Canvases extends AsyncDisposable {
  readonly db: pg.Pool;
  readonly url: string;
}

export async function openCanvases(): Promise<Canvases> {
  const target = await loadTarget("canvases", { cwd: new URL("..", import.meta.url).pathname });
  const prepared = await prepare(target, { server: inject("serverUrl"), save: "never" });
  const clone = await prepared.template.clone();
  const db = new pg.Pool({ connectionString: clone.url, max: 4 });
  return {
    db,
    url: clone.url,
    [Symbol.asyncDispose]: async () => {
      // The pool is ended before its connections are; dropping the clone ends the last of them.
      db.on("error", () => undefined);
      await db.end();
      await clone.drop();
      await prepared[Symbol.asyncDispose]();
    },
  };
}
