import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { scratchDatabase, type Scratch } from "../support/scratch-database.ts";

const huge = 70 * 1024 * 1024;

async function addEvents(scratch: Scratch, events: number): Promise<void> {
  await createBootstrap({ pool: scratch.pool, projections: [] }).migrate();
  await scratch.pool.query(
    "alter table headstart_projections.event drop constraint event_stream_version_key",
  );
  await scratch.pool.query(
    `insert into headstart_projections.event (era, stream, version, type, data)
     select 1, 's' || n % 1000, n / 1000 + 1, 'added', text::json
       from generate_series(0, ${events - 1}) as n,
            (select json_build_object('text', repeat('x', 1000))::text as text) as given`,
  );
}

/** Builds and boots in a process with a heap of so many MB. */
async function figuresWithin(
  megabytes: number,
  { url }: Scratch,
  script = new URL("large-log.ts", import.meta.url),
): Promise<unknown> {
  const heap = `--max-old-space-size=${megabytes}`;
  const args = [heap, "--conditions=@headstart/source", "--import", "tsx", script.pathname, url];
  const { stdout } = await execa(process.execPath, args);
  return JSON.parse(stdout);
}

describe("P3: memory", () => {
  it("is that of a few pages: a million events of 1 KB are folded within a heap of 512 MB", async () => {
    await using scratch = await scratchDatabase();
    const events = 1_000_000;
    await addEvents(scratch, events);
    expect(await figuresWithin(512, scratch)).toMatchObject({ events, bytes: events * 1000, read: events });
  }, 300_000);

  it("suffices for events of 70 MB that follow each other, within a heap of 512 MB", async () => {
    await using scratch = await scratchDatabase();
    await addEvents(scratch, 1000);
    await scratch.pool.query(
      `insert into headstart_projections.event (era, stream, version, type, data)
       select 1, 'huge', n, 'added', json_build_object('text', repeat('y', ${huge})) from generate_series(1, 3) as n`,
    );
    expect(await figuresWithin(512, scratch)).toMatchObject({ events: 1003, bytes: 1_000_000 + 3 * huge });
  });

  it("is that of a few pages: a log of 150 MB is folded within a heap of 80 MB", async () => {
    await using scratch = await scratchDatabase();
    const events = 150_000;
    await addEvents(scratch, events);
    expect(await figuresWithin(80, scratch)).toMatchObject({ events, read: events });
  });

  it("is that of a few pages where 150 MB are shown beyond the fence, booted and followed within 80 MB", async () => {
    await using scratch = await scratchDatabase();
    await createBootstrap({ pool: scratch.pool, projections: [] }).migrate();
    const events = 150_000;
    const script = new URL("mixed-log.ts", import.meta.url);
    expect(await figuresWithin(80, scratch, script)).toEqual({
      booted: events,
      shown: events,
      final: events + 1,
    });
  });
});
