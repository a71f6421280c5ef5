import pg from "pg";
import { expandCorpus } from "../corpus/expand-corpus.ts";
import { createCanvases } from "./create-canvases.ts";
import { derive } from "./derive.ts";
import { loadDeliveries } from "./load-deliveries.ts";
import { loadWorld } from "./load-world.ts";
import { materializeContent } from "./materialize-content.ts";
import { migrate } from "./migrate.ts";
import { runJobs } from "./run-jobs.ts";

export interface BuildOptions {
  /** How many events the log gets. */
  readonly events: number;
  readonly report: (detail: string) => void;
}

/** Indexes come after the load. */
const lastTableMigration = 9;

/** Sorts in memory, commits without waiting for a disk, and one time zone for every build. */
const session = "-c timezone=UTC -c synchronous_commit=off -c work_mem=64MB -c maintenance_work_mem=256MB";

/** Fills an empty database. The same number of events gives the same database, whenever and wherever it runs. */
export async function buildDatabase(url: string, { events, report }: BuildOptions): Promise<void> {
  const client = new pg.Client({ connectionString: url, options: session });
  await client.connect();
  try {
    await migrate(client, { through: lastTableMigration, report });
    report("expanding the corpus");
    const corpus = expandCorpus(events);
    await loadWorld(client, corpus.world);
    await loadDeliveries(client, corpus, report);
    await derive(client, report);
    await createCanvases(client);
    await materializeContent(url, report);
    await migrate(client, { report });
    await client.query("analyze");
    await runJobs(client, report);
  } finally {
    await client.end();
  }
}
