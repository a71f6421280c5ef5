import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import type { Delivery, ExpandedCorpus } from "../corpus/expand-corpus.ts";

const batchSize = 8_000;

/** Copies every delivery into the inbox, and a batch at a time from there into the log, as live ones would go. */
export async function loadDeliveries(
  client: pg.Client,
  corpus: ExpandedCorpus,
  report: (detail: string) => void,
): Promise<void> {
  let loaded = 0;
  for (const batch of batches(corpus.deliveries())) {
    const copy = client.query(copyFrom("copy inbox (event, occurred_at, modelled, body) from stdin"));
    await pipeline(Readable.from(batch.map(copyLine)), copy);
    await client.query("select append_inbox()");
    // The rows are gone, and so is the room they took.
    await client.query("truncate inbox");
    loaded += batch.length;
    report(`events ${format(loaded)} of ${format(corpus.count)}`);
  }
}

function* batches(deliveries: Iterable<Delivery>): Iterable<Delivery[]> {
  let batch: Delivery[] = [];
  for (const delivery of deliveries) {
    batch.push(delivery);
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** COPY's text format: tabs between columns, and a backslash before each backslash. JSON has neither tab nor newline. */
function copyLine({ event, occurredAt, body }: Delivery): string {
  return `${event}\t${occurredAt}\ttrue\t${JSON.stringify(body).replaceAll("\\", "\\\\")}\n`;
}

function format(count: number): string {
  return count.toLocaleString("en");
}
