import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { fullFold, sorted } from "../support/full-fold.ts";
import { amounts, story, totals } from "../support/projections.ts";
import { scratchDatabase, type Scratch } from "../support/scratch-database.ts";

const script = new URL("process-under-test.ts", import.meta.url).pathname;

async function runProcess(url: string, work: string, killAt?: number) {
  const args = ["--conditions=@headstart/source", "--import", "tsx", script, url, work, String(killAt ?? "")];
  return await execa(process.execPath, args, { reject: false });
}

async function addEvents(scratch: Scratch): Promise<void> {
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [] });
  for (let each = 0; each < 4; each++) await bootstrap.append(`s${each}`, amounts(1, 2, 3));
}

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
        // Whoever comes next needs no waiting for the lease of the dead.
        const { model, kind } = await bootstrap.boot();
        expect(kind).toBe("complete");
        for (const projection of projections) {
          expect(sorted(model.entries<unknown>(projection))).toEqual(
            sorted(await fullFold(scratch.pool, projection)),
          );
        }
        const { projections: outcomes } = await bootstrap.catchUp();
        expect(outcomes.map(({ outcome }) => outcome)).toEqual(["advanced", "advanced"]);
        for (const { name } of projections)
          expect(await bootstrap.verify(name)).toMatchObject({ equal: true });
      }
    },
  );
});
