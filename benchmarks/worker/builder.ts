import { createMaterializer } from "@headstart/materializer";
import pg from "pg";
import { pages } from "./pages.ts";

/** As many builds at a time as a worker does by default. */
const CONCURRENCY = 4;

/** A process that builds until nothing is due, and does nothing else. */
const { databaseUrl, mirrors } = JSON.parse(process.env["BENCH_BUILDER"] ?? "") as {
  databaseUrl: string;
  mirrors: string;
};
const db = new pg.Pool({ connectionString: databaseUrl, max: CONCURRENCY + 2 });
const materializer = createMaterializer({
  db,
  projectors: [pages],
  mirrors: { root: mirrors, protocols: ["http"] },
});
async function build(): Promise<void> {
  for (;;) {
    const [lease] = await materializer.claim({ limit: 1 });
    if (lease === undefined) return;
    await materializer.materialize(lease);
  }
}
await Promise.all(Array.from({ length: CONCURRENCY }, build));
await materializer[Symbol.asyncDispose]();
await db.end();
