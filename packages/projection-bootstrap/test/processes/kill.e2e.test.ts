import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { type Bootstrap, createBootstrap } from "../../src/create-bootstrap.ts";
import type { Projection } from "../../src/projection/define-projection.ts";
import { fullFold, sorted } from "../support/full-fold.ts";
import { amounts, story, totals } from "../support/projections.ts";
import { scratchDatabase, type Scratch } from "../support/scratch-database.ts";
import { phases } from "./phases.ts";

const script = new URL("process-under-test.ts", import.meta.url).pathname;

type Mode = "async" | "inline";

async function runProcess(url: string, work: string, killAt?: number | RegExp, mode: Mode = "async") {
  const given = [script, url, work, String(killAt ?? ""), mode];
  const args = ["--conditions=@headstart/source", "--import", "tsx", ...given];
  return await execa(process.execPath, args, { reject: false });
}

async function addEvents(bootstrap: Bootstrap): Promise<void> {
  for (let each = 0; each < 4; each++) await bootstrap.append(`s${each}`, amounts(1, 2, 3));
}

const cases = Object.entries(phases).flatMap(([phase, { pattern, works, inline = [] }]) => [
  ...works.map((work) => [work, phase, "async", pattern] as const),
  ...inline.map((work) => [work, phase, "inline", pattern] as const),
]);

describe("P6: a process that is killed", () => {
  it.each(["boot", "catch up", "rebuild"])(
    "in any phase of a %s leaves what the next boot understands",
    async (work) => {
      await using scratch = await scratchDatabase();
      const projections = [totals(), story()];
      const bootstrap = createBootstrap({ pool: scratch.pool, projections, page: { rows: 4 } });
      await addEvents(bootstrap);
      if (work !== "boot") await bootstrap.boot();
      await addEvents(bootstrap);
      const { stdout, stderr } = await runProcess(scratch.url, work);
      expect(stderr).toBe("");
      const statements = Number(stdout);
      expect(statements).toBeGreaterThan(10);

      for (const share of [0.3, 0.55, 0.75, 0.95]) {
        await addEvents(bootstrap);
        if (work === "boot") {
          // As if it were the first one, so that it has rows to build.
          for (const { name } of projections) await bootstrap.retire(name);
        }
        const killed = await runProcess(scratch.url, work, Math.ceil(statements * share));
        expect(killed.signal).toBe("SIGKILL");
        await expectWhole(scratch, bootstrap, projections);
      }
    },
  );

  it.each(cases)("%s, %s, sums kept %s: leaves what the next boot understands", async (...given) => {
    const [work, , mode, pattern] = given;
    await using scratch = await scratchDatabase();
    const projections = [totals({ mode }), story()];
    const bootstrap = createBootstrap({ pool: scratch.pool, projections, page: { rows: 4 } });
    await addEvents(bootstrap);
    // A boot either builds rows, or loads them and folds what came later.
    if (work !== "first boot") await bootstrap.boot();
    await addEvents(bootstrap);
    await bootstrap.migrate();
    const killed = await runProcess(scratch.url, work.replace("first ", ""), pattern, mode);
    expect(killed.signal, killed.stdout).toBe("SIGKILL");
    await expectWhole(scratch, bootstrap, projections);
  });
});

/** Whoever comes next needs no waiting for the lease of the dead, and has it all. */
async function expectWhole(
  scratch: Scratch,
  bootstrap: Bootstrap,
  projections: readonly Projection[],
): Promise<void> {
  const { model, kind } = await bootstrap.boot();
  expect(kind).toBe("complete");
  for (const projection of projections) {
    expect(sorted(model.entries<unknown>(projection))).toEqual(
      sorted(await fullFold(scratch.pool, projection)),
    );
  }
  const { projections: outcomes } = await bootstrap.catchUp();
  expect(outcomes.map(({ projection, outcome }) => [projection, outcome])).toEqual(
    projections.filter(({ mode }) => mode === "async").map(({ name }) => [name, "advanced"]),
  );
  for (const { name } of projections) expect(await bootstrap.verify(name)).toMatchObject({ equal: true });
}
