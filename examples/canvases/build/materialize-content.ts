import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createMaterializer } from "@headstart/materializer";
import pg from "pg";
import { canvasProjector } from "../content/canvas-projector.ts";
import { createContentRepository } from "../content/create-content-repository.ts";

/** Where the content would be fetched from by a worker: the build's own copy is gone when it ends. */
const published = "https://git.example.org/canvases/content.git";

/** The moment that everything is said to have happened at, so that two builds give equal databases. */
const moment = "2026-01-01T00:00:00.000Z";

/** Projects the content repository push by push, as a worker beside a forge would, into versions of its branches. */
export async function materializeContent(url: string, report: (detail: string) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "canvases-build-"));
  await chmod(folder, 0o755);
  const db = new pg.Pool({ connectionString: url, options: "-c timezone=UTC", max: 2 });
  try {
    await using materializer = createMaterializer({
      db,
      projectors: [canvasProjector],
      mirrors: { root: join(folder, "mirrors"), protocols: ["file", "https"] },
      worker: "build",
    });
    await materializer.migrate();
    const repository = join(folder, "content");
    const registration = { name: "content", projector: canvasProjector.name };
    const runner = materializer.inProcessRunner();
    await createContentRepository(repository, {
      afterPush: async ({ branch }) => {
        report(`content: ${branch}`);
        await materializer.register({ ...registration, url: pathToFileURL(repository).href });
        await runner.settle("content");
      },
    });
    await materializer.register({ ...registration, url: published });
    await settleMoments(db);
  } finally {
    await db.end();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Replaces what the clock and chance put into the materializer's own columns. */
async function settleMoments(db: pg.Pool): Promise<void> {
  const { rows } = await db.query<{ table: string; column: string }>(
    `select quote_ident(table_name) as "table", quote_ident(column_name) as "column"
     from information_schema.columns join information_schema.tables using (table_schema, table_name)
     where table_schema = 'headstart_materializer' and table_type = 'BASE TABLE'
       and data_type = 'timestamp with time zone'`,
  );
  for (const { table, column } of rows) {
    await db.query(`update headstart_materializer.${table} set ${column} = $1 where ${column} is not null`, [
      moment,
    ]);
  }
  await db.query("update headstart_materializer.versions set build_ms = 0");
  await db.query(
    "update headstart_materializer.events set message = jsonb_set(message, '{at}', to_jsonb($1::text))",
    [moment],
  );
}
