import { writeSync } from "node:fs";
import pg from "pg";
import { createMaterializer } from "../../src/create-materializer.ts";
import { notesProjector } from "../support/notes-projector.ts";

/** Goes through the protocol and kills itself, as `kill -9` would, when it comes to the step it was given. */
const config = JSON.parse(process.env["WORKER_CONFIG"] ?? "") as {
  databaseUrl: string;
  mirrors: string;
  dieAt: string;
};

function at(step: string): void {
  if (step !== config.dieAt) return;
  writeSync(1, `${step}\n`);
  process.kill(process.pid, "SIGKILL");
}

const db = new pg.Pool({ connectionString: config.databaseUrl, max: 4 });
/** Statements after which, in the middle of a transaction, the process may die. */
const statements: Record<string, RegExp> = {
  "observation half recorded": /insert into headstart_materializer\.branches as b/,
  "segment started": /insert into headstart_materializer\.segments/,
  "rows written": /insert into headstart_materializer\.segment_files/,
  "version inserted": /insert into headstart_materializer\.versions/,
  "event appended": /insert into headstart_materializer\.events/,
};
db.on("connect", (client) => {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  client.query = (async (...args: unknown[]) => {
    const result = await (query(...args) as Promise<unknown>);
    for (const [step, pattern] of Object.entries(statements)) if (pattern.test(String(args[0]))) at(step);
    return result;
  }) as typeof client.query;
});
const materializer = createMaterializer({
  db,
  projectors: [notesProjector()],
  mirrors: { root: config.mirrors, protocols: ["file", "http"] },
});
await materializer.observe("handbook");
at("observed");
const leases = await materializer.claim({ limit: 1 });
at("claimed");
for (const lease of leases) {
  const built = await materializer.build(lease, { signal: new AbortController().signal });
  at("built");
  if (built.kind === "built") await materializer.publish(lease, built);
  at("published");
}
process.exit(0);
