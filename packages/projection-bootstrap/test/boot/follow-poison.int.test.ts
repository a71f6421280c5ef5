import { expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { formatMetrics } from "../../src/status/format-metrics.ts";
import { amounts, totals } from "../support/projections.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

it("whoever follows hears once of each row and projection that no event can be applied to", async () => {
  await using scratch = await scratchDatabase();
  const sums = totals({
    key: ({ stream, data }) => {
      if (data.amount === 99) throw new Error("whose is it?");
      return stream;
    },
    apply: ({ count, sum }, { data }) => {
      if (data.amount === 7) throw new Error("no sevens");
      return { count: count + 1, sum: sum + data.amount };
    },
  });
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
  const booted = await bootstrap.boot();
  const errors: unknown[] = [];
  await using following = bootstrap.follow(booted, {
    pollMs: 60_000,
    onError: (error) => errors.push(error),
  });
  await bootstrap.append("a", amounts(1, 7, 2));
  await following.poll();
  const row = { projection: "totals", key: "a", reason: expect.stringContaining("no sevens") as string };
  expect(following.health).toMatchObject({ healthy: true, poisoned: [row] });
  await bootstrap.append("b", amounts(99));
  await following.poll();
  await following.poll();
  const all = { projection: "totals", key: undefined, reason: expect.stringContaining("whose") as string };
  expect(following.health).toMatchObject({ healthy: false, poisoned: [row, all] });
  const metrics = formatMetrics(await bootstrap.status(), { following: following.health });
  expect(metrics).toContain('headstart_projection_follow_poisoned{kind="row"} 1\n');
  expect(metrics).toContain('headstart_projection_follow_poisoned{kind="projection"} 1\n');
  expect(errors).toMatchObject([{ code: "POISON_EVENT" }, { code: "POISON_EVENT" }]);
});
