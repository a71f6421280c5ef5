import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { type Bootstrap, createBootstrap } from "../../src/create-bootstrap.ts";
import type { Projection } from "../../src/projection/define-projection.ts";
import { fullFold, sorted } from "../support/full-fold.ts";
import { amounts, story, totals } from "../support/projections.ts";
import { scratchDatabase, type Scratch } from "../support/scratch-database.ts";

const script = new URL("process-under-test.ts", import.meta.url).pathname;

async function runProcess(url: string, work: string, killAt?: number | RegExp) {
  const args = ["--conditions=@headstart/source", "--import", "tsx", script, url, work, String(killAt ?? "")];
  return await execa(process.execPath, args, { reject: false });
}

async function addEvents(scratch: Scratch): Promise<void> {
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [] });
  for (let each = 0; each < 4; each++) await bootstrap.append(`s${each}`, amounts(1, 2, 3));
}

/** The statement before which each phase is cut off, and the pieces of work that have the phase. */
const phases: Readonly<Record<string, { readonly pattern: RegExp; readonly works: readonly string[] }>> = {
  "looking at the log": { pattern: /pg_snapshot_xmin/, works: ["first boot", "boot", "catch up", "rebuild"] },
  "looking at the tables": { pattern: /pg_relation_size/, works: ["first boot", "boot"] },
  "loading rows": { pattern: /where ctid >=/, works: ["first boot", "boot"] },
  "opening a version": {
    pattern: /insert into headstart_projections\.version/,
    works: ["first boot", "rebuild"],
  },
  "making its table": {
    pattern: /create table headstart_projections\."rows_/,
    works: ["first boot", "rebuild"],
  },
  "taking the lease": {
    pattern: /pg_try_advisory_lock/,
    works: ["first boot", "catch up", "rebuild"],
  },
  "reading events": {
    pattern: /sum\(bytes\) over/,
    works: ["first boot", "boot", "catch up", "rebuild"],
  },
  "writing rows": {
    pattern: /insert into headstart_projections\."rows_\d+" \(key, state/,
    works: ["first boot", "catch up", "rebuild"],
  },
  "moving the checkpoint": {
    pattern: /update headstart_projections\.version\s+set era/,
    works: ["first boot", "catch up", "rebuild"],
  },
  "swapping versions": { pattern: /create or replace view/, works: ["first boot", "rebuild"] },
  "giving back the lease": {
    pattern: /set lease_owner = null/,
    works: ["first boot", "catch up", "rebuild"],
  },
};

describe("P6: a process that is killed", () => {
  it.each(["boot", "catch up", "rebuild"])(
    "in any phase of a %s leaves what the next boot understands",
    async (work) => {
      await using scratch = await scratchDatabase();
      const projections = [totals(), story()];
      const bootstrap = createBootstrap({ pool: scratch.pool, projections, page: { rows: 4 } });
      await addEvents(scratch);
      if (work !== "boot") await bootstrap.boot();
      await addEvents(scratch);
      const { stdout, stderr } = await runProcess(scratch.url, work);
      expect(stderr).toBe("");
      const statements = Number(stdout);
      expect(statements).toBeGreaterThan(10);

      for (const share of [0.3, 0.55, 0.75, 0.95]) {
        await addEvents(scratch);
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

  it.each(
    Object.entries(phases).flatMap(([phase, { pattern, works }]) =>
      works.map((work) => [work, phase, pattern] as const),
    ),
  )("in a %s, %s, leaves what the next boot understands", async (work, _phase, pattern) => {
    await using scratch = await scratchDatabase();
    const projections = [totals(), story()];
    const bootstrap = createBootstrap({ pool: scratch.pool, projections, page: { rows: 4 } });
    await addEvents(scratch);
    // A boot either builds rows, or loads them and folds what came later.
    if (work !== "first boot") await bootstrap.boot();
    await addEvents(scratch);
    await bootstrap.migrate();
    const killed = await runProcess(scratch.url, work.replace("first ", ""), pattern);
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
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(["advanced", "advanced"]);
  for (const { name } of projections) expect(await bootstrap.verify(name)).toMatchObject({ equal: true });
}
