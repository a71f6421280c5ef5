import type pg from "pg";
import { shareQuery } from "./share-query.ts";

/** Asks whether the database answers, in time and with what is the worker's; however many ask, by one query at a time. */
export function databaseProbe(db: pg.Pool): () => Promise<boolean> {
  const ask = shareQuery(
    async () =>
      await db.query("select from headstart_worker.migrations limit 1").then(
        () => true,
        () => false,
      ),
  );
  return async () => (await ask()) ?? false;
}
