import type pg from "pg";
import { layOutCanvas } from "./lay-out-canvas.ts";

interface Job {
  readonly id: number;
  readonly kind: "layout" | "similar";
  readonly subject: number;
}

/** Puts the work on the queue that the application's background process would do, and does it. */
export async function runJobs(client: pg.Client, report: (detail: string) => void): Promise<void> {
  await client.query(
    `insert into job (kind, subject)
     select 'similar', id from (select id from repository order by id) repositories
     union all
     select 'layout', id from (select id from canvas order by id) canvases`,
  );
  const { rows } = await client.query<Job>(
    "select id, kind, subject from job where state = 'waiting' order by id",
  );
  for (const [index, job] of rows.entries()) {
    report(`job ${index + 1} of ${rows.length}: ${job.kind}`);
    await perform(client, job);
    await client.query("update job set state = 'done' where id = $1", [job.id]);
  }
}

async function perform(client: pg.Client, { kind, subject }: Job): Promise<void> {
  switch (kind) {
    case "similar":
      await client.query("select derive_similar($1)", [subject]);
      return;
    case "layout":
      await layOutCanvas(client, subject);
      return;
  }
}
