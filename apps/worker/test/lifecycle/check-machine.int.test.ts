import { mkdtemp, rm } from "node:fs/promises";
import { createMaterializer, defineProjector } from "@headstart/materializer";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { checkMachine } from "../../src/lifecycle/check-machine.ts";
import { scratchDatabase } from "../support/scratch-database.ts";
import { scratchRepository } from "../support/scratch-repository.ts";

const pages = defineProjector({
  name: "pages",
  revision: "1",
  kinds: { page: { match: "*.json", format: "json", schema: z.object({}) } },
  assemble: () => ({ rows: [] }),
});

test("the longest path of mirrors that is accepted works, and one byte more is refused before anything fails", async () => {
  const folder = await mkdtemp("/tmp/headstart-long-");
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
  const root = `${folder}/`.padEnd(47, "m");
  await expect(checkMachine(`${root}m`)).rejects.toMatchObject({ code: "MIRRORS_UNWRITABLE" });
  await checkMachine(root);
  await using upstream = await scratchRepository();
  await using database = await scratchDatabase();
  await upstream.commit("main", { "x.json": "{}" });
  await using materializer = createMaterializer({
    db: database.db,
    projectors: [pages],
    mirrors: { root, protocols: ["file"] },
  });
  await materializer.register({ name: "handbook", url: upstream.url, projector: "pages" });
  expect(await materializer.observe("handbook")).toMatchObject({ outcome: "changed" });
});
