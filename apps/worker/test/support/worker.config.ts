import { readFileSync } from "node:fs";
import { defineProjector } from "@headstart/materializer";
import { defineWorker, type WorkerConfigInput } from "@headstart/worker";
import { z } from "zod";

/** One row a page. A page may ask for time: its unit is then assembled slowly, as heavy content is. */
const pages = defineProjector({
  name: "pages",
  revision: process.env["TEST_REVISION"] ?? "1",
  kinds: {
    page: {
      match: "pages/**/*.json",
      format: "json",
      schema: z.object({ title: z.string(), slowMs: z.number().optional() }),
    },
  },
  unit: (path) => path,
  assemble: (_, files) => {
    for (const { document } of files) block(document.slowMs ?? 0);
    return {
      rows: files.map(({ path, document }) => ({
        collection: "page",
        key: path,
        data: { title: document.title },
      })),
    };
  },
});

function block(milliseconds: number): void {
  if (milliseconds > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

export default defineWorker({
  projectors: [pages],
  ...(JSON.parse(readFileSync(process.env["TEST_CONFIG"] ?? "", "utf8")) as Omit<
    WorkerConfigInput,
    "projectors"
  >),
});
