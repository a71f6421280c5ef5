import { expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { amounts, story, totals } from "../support/projections.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

it("runners share the work, take over from one another, and leave a database at rest alone", async () => {
  await using scratch = await scratchDatabase();
  const projections = [totals(), story()];
  const bootstrap = createBootstrap({ pool: scratch.pool, projections });
  await bootstrap.boot();
  const stops = [new AbortController(), new AbortController()];
  const runs = stops.map(({ signal }) =>
    createBootstrap({ pool: scratch.anotherPool(), projections }).run({ signal, pollMs: 20 }),
  );
  const lag = async () => (await bootstrap.status()).projections.map(({ lagEvents }) => lagEvents);
  for (let each = 0; each < 10; each++) await bootstrap.append(`s${each % 3}`, amounts(each));
  await expect.poll(lag).toEqual([0, 0]);
  stops[0]?.abort();
  await runs[0];
  await bootstrap.append("s1", amounts(11));
  await expect.poll(lag).toEqual([0, 0]);

  const versions = () =>
    scratch.rows("select xmin::text as written from headstart_projections.version order by id");
  const before = await versions();
  let rounds = 0;
  const idle = new AbortController();
  const watching = createBootstrap({ pool: scratch.anotherPool(), projections }).run({
    signal: idle.signal,
    pollMs: 1,
    onRound: () => {
      if (++rounds === 5) idle.abort();
    },
  });
  await watching;
  expect(await versions()).toEqual(before);
  stops[1]?.abort();
  await runs[1];
  for (const { name } of projections) expect(await bootstrap.verify(name)).toMatchObject({ equal: true });
});
